internal import HMMEngine
internal import HMMProtocol

/// What a tenant's engine has for one connection until the connection's own event loop fetches it.
///
/// Unchecked: `owner` is touched on `loop` only; the rest that changes, under the lock of the tenant's shard only.
final class Mailbox: @unchecked Sendable {
    let id: ConnectionID
    let loop: LoopContext
    /// The connection; nil once it has left its tenant.
    var owner: ConnectionHandler?

    /// Most bytes that may wait here.
    private let capacity: Int
    /// What waits for all connections of the tenant.
    private let unsent: UnsentTally
    private var outbox: [UInt8] = []
    private var closeReason: CloseReason?
    private var isPaused = false
    private var isDrainAwaited = false
    private var hasOverflowed = false
    /// Its requests have to wait for the next turn.
    var mustYield = false
    /// It is told when the engine is done with what it was cut short in.
    var isWaiting = false
    /// The loop has been told to fetch and has not done so.
    private var isFlagged = false

    init(id: ConnectionID, owner: ConnectionHandler, loop: LoopContext, capacity: Int, unsent: UnsentTally) {
        self.id = id
        self.owner = owner
        self.loop = loop
        self.capacity = capacity
        self.unsent = unsent
    }

    // MARK: Under the lock

    /// Adds lines for the connection, unless it has to be cut off anyway.
    func append(_ lines: UnsafeRawBufferPointer) {
        guard !hasOverflowed else { return }
        if outbox.count + lines.count > capacity || unsent.isPassed(by: lines.count, own: outbox.count) {
            hasOverflowed = true
            discard()
        } else {
            outbox.append(contentsOf: lines)
            unsent.change(by: lines.count)
        }
    }

    /// Nothing that waits here will be sent.
    func discard() {
        unsent.change(by: -outbox.count)
        outbox = []
    }

    func apply(_ signal: Effects.Signal) {
        switch signal {
        case .close(_, let reason): closeReason = closeReason ?? reason
        case .pauseReading: isPaused = true
        case .resumeReading: isPaused = false
        case .awaitDrain: isDrainAwaited = true
        case .startRecording, .stopRecording: break
        }
    }

    /// True if the loop has to be told that there is something to fetch.
    func flag() -> Bool {
        if isFlagged { return false }
        isFlagged = true
        return true
    }

    /// Empties the mailbox.
    ///
    /// - Parameter hasText: further lines for the connection, newer than those here, lie in the loop's effects.
    @inline(__always)
    func take(hasText: Bool) -> Delivery {
        var delivery = Delivery(
            hasText: hasText, closeReason: closeReason, isPaused: isPaused, isDrainAwaited: isDrainAwaited,
            hasOverflowed: hasOverflowed, mustYield: mustYield)
        mustYield = false
        isFlagged = false
        isDrainAwaited = false
        if !outbox.isEmpty {
            unsent.change(by: -outbox.count)
            swap(&outbox, &delivery.outbox)
        }
        return delivery
    }
}

/// What a connection has to do after its tenant's engine has run.
struct Delivery {
    /// Lines to send first.
    var outbox: [UInt8] = []
    /// The text of the loop's effects is to be sent next, all of it.
    var hasText = false
    /// The connection is to be closed after that.
    var closeReason: CloseReason?
    /// Requests are to be held back.
    var isPaused = false
    /// The engine wants to know when all of this has left.
    var isDrainAwaited = false
    /// More was waiting than may wait: lines are lost, the connection cannot go on.
    var hasOverflowed = false
    /// Requests that are left wait until the next fetch, so that others have their turn.
    var mustYield = false
}
