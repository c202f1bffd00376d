internal import HMMEngine
internal import HMMMemory
internal import HMMProtocol
internal import HMMRecording
internal import Synchronization

/// One tenant's engine, and the way from it to the tenant's connections on all event loops.
///
/// A loop that has requests takes the lock, runs them, hands out what they caused and unlocks: the caller's own answers
/// need no hop to another thread. Nothing but that happens under the lock: no TLS, no sockets, no logging.
///
/// Unchecked: engine, mailboxes and numbers are touched under `lock` only; `timer` on the home loop only.
final class TenantShard: @unchecked Sendable {
    let name: ShortName
    private let limits: Limits
    /// What waits for its clients to read.
    let unsent: UnsentTally
    let buffers: TenantBuffers
    /// Where the tenant's timer lives.
    let home: LoopContext

    let lock = Lock()
    var engine: Engine
    /// Where everything that the engine takes and says is written; nil when nobody wants that, or no longer.
    var recording: Recording?
    /// Where an earlier one is, and why it ended.
    var pastRecording: (path: String, end: RecordingEnd?)?
    let recorded: Atomic<Bool>
    /// The bytes of the requests of one run.
    var sources: [UInt8] = []
    private var mailboxes: [UInt32: Mailbox] = [:]
    private var lastID: UInt32 = 0
    /// Why every connection is ended, those included that have found the shard and not yet come.
    private var ending: CloseReason?
    /// The latest time the engine has been told. Loops read the clock before they wait for the lock, and for the engine
    /// time never goes back.
    private var latest = Instant(nanoseconds: 0)
    /// When the timer fires, or is about to be set to.
    private var armed: Instant?

    /// Requests taken, and the time that runs took where that is measured.
    private var requests: UInt64 = 0
    private var engineNanoseconds: UInt64 = 0
    let born = Instant(nanoseconds: EventLoop.clock())

    private var timer: TimerQueue.Ticket?
    var isRetired = false
    /// Connections that have more for the engine, or ask whether it is done, while it is cut short.
    private var waiting: [Mailbox] = []
    private let tenants: Tenants
    /// Runs until the state is looked at.
    private var runsToInspection = TenantShard.inspectionInterval
    private var isPoisoned = false

    /// Runs between two looks at the state: some hundred microseconds each, a few times a second at most.
    private static let inspectionInterval = 16384
    /// Connections of it that are ended in one round of a loop.
    private static let closedAtOnce = 64

    /// Text after which a run ends, so that a client which does not read is noticed before more is made for it.
    let textBound: Int

    init(
        name: ShortName, limits: Limits, policy: TenantPolicy, recording: Recording?, tenants: Tenants,
        home: LoopContext
    ) {
        self.name = name
        self.tenants = tenants
        self.limits = limits
        self.home = home
        buffers = TenantBuffers(tenants.buffers)
        unsent = UnsentTally(policy, buffers)
        self.recording = recording
        recorded = Atomic(recording != nil)
        engine = Engine(limits: limits, policy: policy)
        textBound = OutputBounds(limits).run
        if let recording { begin(recording) }
    }

    /// Bytes of requests are to be kept until the requests have been run. True becomes false, never the other way.
    var isRecorded: Bool { recorded.load(ordering: .relaxed) }

    // MARK: Runs. `loop` is the loop of the caller.

    /// Announces a connection.
    func connect(
        _ owner: ConnectionHandler, as principal: Principal, on loop: LoopContext
    ) -> (mailbox: Mailbox, delivery: Delivery) {
        loop.effects.removeAll()
        lock.lock()
        let mailbox = Mailbox(id: newID(), owner: owner, loop: loop, capacity: limits.unsentBytes, unsent: unsent)
        mailboxes[mailbox.id.rawValue] = mailbox
        unsent.join()
        take(.connected(mailbox.id, principal), &engine, time(loop), &loop.effects)
        if let ending {
            // As in `closeAll`.
            _ = distribute(to: nil, on: loop)
            loop.effects.removeAll()
            take(.close(mailbox.id, ending), &engine, time(loop), &loop.effects)
        }
        let delivery = distribute(to: mailbox, on: loop)
        return (mailbox, unlock(delivery, loop))
    }

    /// Runs requests from the front of `inputs`, until none is left, the allowance is used up, much has been done or
    /// said, or a transport has to act. The allowance goes down with each request, with what is done and with what is
    /// said; one request is run even without.
    func run(
        _ inputs: inout InputQueue, _ allowance: inout Int, of mailbox: Mailbox, on loop: LoopContext
    ) -> Delivery {
        locked(for: mailbox, on: loop) { engine, now, effects in
            engine.beginTurn(limits.slice)
            let spent = engine.spent
            var goesOn = !engine.isCut
            var refusal: Input?
            sources.removeAll(keepingCapacity: sources.capacity <= 1 << 16)
            while goesOn, sources.isEmpty || inputs.firstHasSource, let input = inputs.takeFirst(&sources) {
                if let meter = loop.meter { meter.count(input) }
                requests &+= 1
                goesOn = engine.handle(input, at: now, into: &effects)
                allowance -= 1
                // What came without its bytes is a record of its own.
                if recording != nil, sources.isEmpty { refusal = input }
                if refusal != nil || allowance <= 0 || Self.isOver(effects, textBound) { break }
            }
            record(refusal, of: mailbox.id, &engine, now, effects)
            allowance -= Self.cost(effects, engine.spent &- spent)
            if !inputs.isEmpty, allowance <= 0 || !goesOn {
                yield(mailbox, loop, engine.isCut)
            }
        }
    }

    /// Parses and runs the requests in `bytes` from `offset`, under the same conditions.
    @inline(__always)
    func run(
        _ bytes: UnsafeRawBufferPointer, _ offset: inout Int, with reader: inout RequestReader,
        _ allowance: inout Int, _ unfinished: inout UnfinishedRequest, of mailbox: Mailbox, on loop: LoopContext
    ) -> Delivery {
        locked(for: mailbox, on: loop) { engine, now, effects in
            engine.beginTurn(limits.slice)
            let spent = engine.spent
            if recording == nil { unfinished.forget() }
            let taken =
                if recording == nil {
                    Self.run(
                        bytes, &offset, with: &reader, of: mailbox.id, on: &engine, at: now, into: &effects,
                        textBound: textBound, most: allowance, meter: loop.meter)
                } else {
                    runRecorded(
                        bytes, &offset, with: &reader, &unfinished, of: mailbox.id, on: &engine, at: now,
                        into: &effects, most: allowance, meter: loop.meter)
                }
            allowance -= taken + Self.cost(effects, engine.spent &- spent)
            requests &+= UInt64(taken)
            if offset < bytes.count, allowance <= 0 || !engine.hasTurn {
                yield(mailbox, loop, engine.isCut)
            }
        }
    }

    /// Everything borrowed once, so that exclusive access is checked once for a batch.
    @inline(__always)
    private static func run(
        _ bytes: UnsafeRawBufferPointer, _ offset: inout Int, with reader: inout RequestReader,
        of connection: ConnectionID, on engine: inout Engine, at now: Instant, into effects: inout Effects,
        textBound: Int, most: Int, meter: RunMeter?
    ) -> Int {
        var count = 0
        var goesOn = !engine.isCut
        while goesOn, let item = reader.next(bytes, &offset) {
            if let meter { meter.count(item) }
            goesOn = engine.handle(item, from: connection, at: now, into: &effects)
            count += 1
            if count >= most || isOver(effects, textBound) { break }
        }
        return count
    }

    /// What was said and done costs, too: a short request can have a long answer, or be much work. A slice is as much
    /// as a connection's share of a round.
    @inline(__always)
    private static func cost(_ effects: borrowing Effects, _ units: UInt64) -> Int {
        effects.text.count >> 10 + Int(truncatingIfNeeded: units >> 8)
    }

    /// Much has been said, or a transport has to act.
    @inline(__always)
    static func isOver(_ effects: borrowing Effects, _ textBound: Int) -> Bool {
        effects.text.count >= textBound || !effects.signals.isEmpty
    }

    /// Much has been done for a connection and it wants more: others of its loop come first. Where the engine itself
    /// was cut short, all wait until that is over.
    private func yield(_ mailbox: Mailbox, _ loop: LoopContext, _ isCut: Bool) {
        mailbox.mustYield = true
        if isCut { wait(mailbox) } else if mailbox.flag() { loop.filled.append(mailbox) }
    }

    private func wait(_ mailbox: Mailbox) {
        guard !mailbox.isWaiting else { return }
        mailbox.isWaiting = true
        waiting.append(mailbox)
    }

    private func wakeWaiting(_ loop: LoopContext) {
        for mailbox in waiting {
            mailbox.isWaiting = false
            if mailbox.flag() { loop.filled.append(mailbox) }
        }
        waiting.removeAll(keepingCapacity: true)
    }

    /// Fetches what other connections' requests have caused for this one.
    func fetch(_ mailbox: Mailbox) -> Delivery {
        lock.withLock { mailbox.take(hasText: false) }
    }

    /// Every request of the connection has been answered.
    func isIdle(_ mailbox: Mailbox) -> Bool {
        lock.withLock {
            if engine.isCut { wait(mailbox) }
            return engine.isIdle(mailbox.id)
        }
    }

    /// Announces that everything sent to a connection so far has left.
    func drained(_ mailbox: Mailbox, on loop: LoopContext) -> Delivery {
        locked(for: mailbox, on: loop) { engine, now, effects in
            take(.drained(mailbox.id), &engine, now, &effects)
        }
    }

    /// Lets `body` look at the engine. Nil if it is at work for longer than `patience` nanoseconds: who watches over a
    /// server must not wait for a tenant's long operation.
    func inspect<Result>(
        patience: UInt64, _ body: (borrowing Engine, _ requests: UInt64, _ engineNanoseconds: UInt64) -> Result
    ) -> Result? {
        guard lock.lock(within: patience) else { return nil }
        defer { lock.unlock() }
        return body(engine, requests, engineNanoseconds)
    }

    /// Announces that a connection has gone. Nothing is delivered to it any more.
    func disconnect(_ mailbox: Mailbox, on loop: LoopContext) {
        handle(.disconnected(mailbox.id), on: loop) {
            self.mailboxes[mailbox.id.rawValue] = nil
            self.unsent.leave()
            mailbox.discard()
        }
    }

    /// Bytes of page frames in use.
    var residentBytes: UInt64 { lock.withLock { engine.framesUsed * UInt64(PageSize.bytes) } }

    /// Ends a connection in order, with a word to its client.
    func close(_ mailbox: Mailbox, _ reason: CloseReason, on loop: LoopContext) -> Delivery {
        locked(for: mailbox, on: loop) { engine, now, effects in
            take(.close(mailbox.id, reason), &engine, now, &effects)
        }
    }

    /// The same for every connection that there is or that is on its way here, some in each round of the loop.
    func closeAll(_ reason: CloseReason, on loop: LoopContext) {
        let ids = lock.withLock {
            ending = reason
            return mailboxes.keys.sorted()
        }
        close(ids[...], reason, on: loop)
    }

    private func close(_ ids: ArraySlice<UInt32>, _ reason: CloseReason, on loop: LoopContext) {
        loop.readClock()
        // One after the other: a record holds what a single input has caused.
        for id in ids.prefix(Self.closedAtOnce) { handle(.close(ConnectionID(rawValue: id), reason), on: loop) }
        let rest = ids.dropFirst(Self.closedAtOnce)
        if rest.isEmpty { return }
        _ = loop.eventLoop.schedule(at: 0) { self.close(rest, reason, on: loop) }
    }

    /// Announces that the server is about to stop. From any thread.
    func drain() {
        home.eventLoop.execute {
            self.home.readClock()
            self.handle(.drain, on: self.home)
        }
    }

    /// Another policy holds from now on. From any thread.
    func adopt(_ policy: TenantPolicy) {
        unsent.adopt(policy)
        home.eventLoop.execute {
            self.home.readClock()
            self.handle(.policy(policy), on: self.home)
        }
    }

    /// Tells the engine what waits for clients to read, where the quota bounds that: as an input of its own, so that a
    /// replay knows of it, too. On any loop.
    func tellUnsent(on loop: LoopContext) {
        let bytes = unsent.count
        if lock.withLock({ engine.unsentBytes != bytes }) { handle(.unsent(bytes), on: loop) }
    }

    func handle(_ input: Input, on loop: LoopContext, beforeDelivery body: () -> Void = {}) {
        _ = locked(for: nil, on: loop) { engine, now, effects in
            take(input, &engine, now, &effects)
            body()
        }
    }

    /// An input that is no request.
    func take(_ input: Input, _ engine: inout Engine, _ now: Instant, _ effects: inout Effects) {
        engine.handle(input, at: now, into: &effects)
        if let recording { engine.recordedBytes = recording.record(input, at: now, causing: effects) }
    }

    /// Lets `body` have the engine, and hands out what that caused: to `own` as a delivery, to others by mailbox.
    @inline(__always)
    private func locked(
        for own: Mailbox?, on loop: LoopContext, _ body: (inout Engine, Instant, inout Effects) -> Void
    ) -> Delivery {
        if unsent.isWatched, own != nil { tellUnsent(on: loop) }
        loop.effects.removeAll()
        lock.lock()
        if let meter = loop.meter { meter.begin() }
        body(&engine, time(loop), &loop.effects)
        if let meter = loop.meter { engineNanoseconds &+= meter.end() }
        return unlock(distribute(to: own, on: loop), loop)
    }

    // MARK: Under the lock

    @inline(__always)
    func time(_ loop: LoopContext) -> Instant {
        latest = max(latest, loop.now)
        return latest
    }

    /// Ascending, and not in use after 2³² connections either.
    private func newID() -> ConnectionID {
        repeat { lastID &+= 1 } while lastID == 0 || mailboxes[lastID] != nil
        return ConnectionID(rawValue: lastID)
    }

    /// Puts the effects into mailboxes. What is for the caller alone stays where it is.
    @inline(__always)
    private func distribute(to own: Mailbox?, on loop: LoopContext) -> Delivery {
        let count = loop.effects.segmentCount
        if let own, loop.effects.signals.isEmpty {
            if count == 0 { return own.take(hasText: false) }
            if count == 1, loop.effects.segment(0).connection == own.id { return own.take(hasText: true) }
        }
        return distributeAll(to: own, on: loop)
    }

    @inline(never)
    private func distributeAll(to own: Mailbox?, on loop: LoopContext) -> Delivery {
        let text = loop.effects.text.bytes
        for index in 0..<loop.effects.segmentCount {
            let segment = loop.effects.segment(index)
            deliver(to: segment.connection, own, loop) {
                $0.append(UnsafeRawBufferPointer(rebasing: text[segment.range]))
            }
        }
        if engine.poison != nil { bury() }
        for signal in loop.effects.signals {
            switch signal {
            case .startRecording: recording?.start()
            case .stopRecording: recording?.finish(.stopped)
            case .close(let id, _), .pauseReading(let id), .resumeReading(let id), .awaitDrain(let id):
                deliver(to: id, own, loop) { $0.apply(signal) }
            }
        }
        return own?.take(hasText: false) ?? Delivery()
    }

    private func deliver(to id: ConnectionID, _ own: Mailbox?, _ loop: LoopContext, _ body: (Mailbox) -> Void) {
        if let own, own.id == id { return body(own) }
        guard let mailbox = mailboxes[id.rawValue] else { return }
        body(mailbox)
        if mailbox.flag() { loop.filled.append(mailbox) }
    }

    /// Ends a run: unlocks, then wakes whoever has to do something.
    @inline(__always)
    private func unlock(_ delivery: consuming Delivery, _ loop: LoopContext) -> Delivery {
        var isTimerLate = false
        runsToInspection -= 1
        let isInspectionDue = runsToInspection == 0
        if isInspectionDue { runsToInspection = Self.inspectionInterval }
        if let next = engine.nextDeadline, armed.map({ next < $0 }) ?? true {
            armed = next
            isTimerLate = true
        }
        if !waiting.isEmpty, !engine.isCut { wakeWaiting(loop) }
        lock.unlock()
        if !loop.filled.isEmpty { loop.postFilled() }
        if isInspectionDue {
            home.eventLoop.execute {
                self.home.readClock()
                self.handle(.inspect, on: self.home)
            }
        }
        if isTimerLate { home.eventLoop.execute { self.setTimer() } }
        return delivery
    }

    /// The engine has given its tenant up: whoever comes from now on gets another shard.
    private func bury() {
        guard !isPoisoned else { return }
        isPoisoned = true
        recording?.finish(.poisoned)
        let violation = engine.poison ?? ""
        let place = recording?.place ?? pastRecording
        home.eventLoop.execute { self.tenants.bury(self, violation, place) }
    }

    /// Lets `body` look at the engine, under the lock.
    func withEngine<Result>(_ body: (inout Engine) -> Result) -> Result { lock.withLock { body(&engine) } }

    // MARK: The timer. On the home loop.

    /// Sets the timer to the engine's deadline. Leases are renewed far more often than they run out, so a deadline that
    /// moves away leaves the timer alone: it fires, finds nothing due, and is set again.
    private func setTimer() {
        let deadline = lock.withLock {
            armed = engine.nextDeadline
            return armed
        }
        cancelTimer()
        guard let deadline, !isRetired else { return }
        timer = home.eventLoop.schedule(at: deadline.nanoseconds) { [weak self] in self?.fire() }
    }

    private func cancelTimer() {
        if let timer { home.eventLoop.cancel(timer) }
        timer = nil
    }

    private func fire() {
        home.readClock()
        let isDue = lock.withLock { engine.nextDeadline.map { $0 <= home.now } ?? false }
        if isDue { handle(.tick, on: home) }
        setTimer()
    }

    /// The last connection has gone, and the registry no longer knows this shard.
    func retire() {
        lock.withLock { recording }?.finish(.closed)
        home.eventLoop.execute {
            self.isRetired = true
            self.cancelTimer()
            // Giving gigabytes back to the kernel takes long enough to be felt by the other tenants of a loop.
            Task.detached { withExtendedLifetime(self) {} }
        }
    }
}
