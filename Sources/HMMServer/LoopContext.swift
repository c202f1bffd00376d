internal import HMMEngine
internal import HMMProtocol
internal import Synchronization

/// What all connections of one event loop share: working memory, a wake-up list, a sweep for timeouts.
///
/// Unchecked: everything but the inbox, which has a lock, is touched on the event loop only.
final class LoopContext: @unchecked Sendable {
    /// What the requests of one round may cost together, and those of one connection: 1 each, 1 for each KiB of
    /// answers, and 1 for 256 units of work. Little, because everybody else's next request waits for it.
    private static let round = 2048
    private static let mostShare = 256
    /// Connections that are looked at in one round for whether they may stay: most may have to be closed.
    private static let swept = 32
    /// Mailboxes that are served in one round: each may need a write of its own.
    private static let fetched = 64

    let eventLoop: EventLoop
    /// What the socket has given, for one connection at a time.
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
    /// What is on its way to the socket, for one connection at a time.
    var output = WireBuffer(capacity: 65536)
    /// What the last run of an engine caused. Consumed before anything that may call out, such as a flush.
    var effects = Effects()
    /// The requests found in one piece of plaintext. Empty between batches.
    var batch = InputQueue()
    /// Plaintext between decryption and parsing, for one connection at a time.
    let plaintext = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
    /// Mailboxes that the last run of an engine has put something into, still to be posted.
    var filled: [Mailbox] = []
    /// What a connection may spend before the others of the loop have their turn.
    private var share = LoopContext.mostShare
    /// What is left of the round, and which one that is.
    private var left = LoopContext.round
    private var round: UInt64 = 0

    /// What this loop has counted, and what it measures of each run where somebody wants to know.
    var counters = LoopCounters()
    let meter: RunMeter?

    private(set) var connections: [ConnectionHandler] = []
    /// So many, from the first on, have not been looked at since the rules have changed last.
    private var unreconsidered = 0
    private let inbox = Mutex(Inbox())
    /// What has been taken from the inbox, served up to `served`.
    private var posted: [Mailbox] = []
    private var served = 0

    private struct Inbox {
        var mailboxes: [Mailbox] = []
        /// A job that serves them is under way. One is enough, and two would serve twice as many in a round.
        var isServed = false
    }

    init(_ eventLoop: EventLoop, measures: Bool = false) {
        self.eventLoop = eventLoop
        meter = measures ? RunMeter() : nil
    }

    deinit {
        plaintext.deallocate()
        input.deallocate()
    }

    /// The time that engines and timeouts go by, read once at the beginning of each turn.
    private(set) var now = Instant(nanoseconds: 0)

    @inline(__always)
    func readClock() { now = Instant(nanoseconds: EventLoop.clock()) }

    // MARK: Waking

    /// Tells the loops of the filled mailboxes to fetch. Called without any lock.
    func postFilled() {
        for mailbox in filled { mailbox.loop.post(mailbox) }
        filled.removeAll(keepingCapacity: true)
    }

    /// From any thread. One job on the loop serves the mailboxes posted until it runs, as many as fit into a round.
    func post(_ mailbox: Mailbox) {
        let isFirst = inbox.withLock { inbox in
            inbox.mailboxes.append(mailbox)
            defer { inbox.isServed = true }
            return !inbox.isServed
        }
        if isFirst { eventLoop.execute { self.fetch() } }
    }

    /// Mailboxes that have been posted and not been served.
    var unserved: Int { inbox.withLock { $0.mailboxes.count } + posted.count - served }

    private func fetch() {
        if served == posted.count {
            posted.removeAll(keepingCapacity: posted.capacity <= 4096)
            served = 0
            inbox.withLock { swap(&$0.mailboxes, &posted) }
        }
        readClock()
        let end = min(served + Self.fetched, posted.count)
        share = min(Self.mostShare, Self.round / max(1, end - served))
        while served < end {
            served += 1
            posted[served - 1].owner?.fetch()
        }
        let isRestLeft = served < posted.count
        let goesOn = inbox.withLock { inbox in
            inbox.isServed = isRestLeft || !inbox.mailboxes.isEmpty
            return inbox.isServed
        }
        if goesOn { eventLoop.execute { self.fetch() } }
    }

    // MARK: Turns

    /// What a connection may spend in this round: enough for one request where nothing is left, so that everybody gets
    /// on.
    func takeShare() -> Int {
        if round != eventLoop.round {
            round = eventLoop.round
            left = Self.round
        }
        return max(1, min(share, left))
    }

    func spend(_ cost: Int) { left -= cost }

    // MARK: Connections

    func add(_ connection: ConnectionHandler) {
        connection.positionInLoop = connections.count
        connections.append(connection)
    }

    func remove(_ connection: ConnectionHandler) {
        let position = connection.positionInLoop
        guard position < connections.count, connections[position] === connection else { return }
        let last = connections.removeLast()
        if last !== connection {
            connections[position] = last
            last.positionInLoop = position
        }
    }

    /// Calls `body` with each connection, which may go away meanwhile.
    func forEachConnection(_ body: (ConnectionHandler) -> Void) {
        for connection in connections { body(connection) }
    }

    /// Looks at every connection's deadlines each `interval` nanoseconds. One timer for all, because a timer for every
    /// request would cost more than the request.
    func startSweeping(every interval: UInt64) {
        eventLoop.execute { self.sweepLater(interval) }
    }

    private func sweepLater(_ interval: UInt64) {
        _ = eventLoop.schedule(at: EventLoop.clock() + interval) { [weak self] in
            guard let self else { return }
            self.sweep(self.connections.count, interval)
        }
    }

    private func sweep(_ unswept: Int, _ interval: UInt64) {
        guard let rest = lookAtSome(of: unswept, { $0.checkDeadlines() }) else { return sweepLater(interval) }
        _ = eventLoop.schedule(at: 0) { [weak self] in self?.sweep(rest, interval) }
    }

    /// A part of the connections in each round of the loop: a flood that all runs out of time at once is not closed at
    /// once. Looks at some of the first `count`, and returns how many of them are left; nil for none.
    private func lookAtSome(of count: Int, _ look: (ConnectionHandler) -> Void) -> Int? {
        readClock()
        var left = count
        // From the end on: whoever goes is replaced by one that has been looked at.
        for _ in 0..<Self.swept {
            left = min(left, connections.count) - 1
            guard left >= 0 else { return nil }
            look(connections[left])
        }
        return left
    }

    /// The rules have changed: looks again at every connection, in parts likewise, because most may have to go. Who
    /// comes meanwhile has met the new rules.
    ///
    /// - Parameter time: seconds since 1970.
    func reconsider(at time: Int64) {
        let isUnderWay = unreconsidered > 0
        unreconsidered = connections.count
        if !isUnderWay { reconsiderSome(at: time) }
    }

    private func reconsiderSome(at time: Int64) {
        guard let rest = lookAtSome(of: unreconsidered, { $0.reconsider(at: time) }) else { return unreconsidered = 0 }
        unreconsidered = rest
        _ = eventLoop.schedule(at: 0) { [weak self] in self?.reconsiderSome(at: time) }
    }
}
