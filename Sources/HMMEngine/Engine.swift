internal import HMMMemory
public import HMMProtocol

/// One tenant: its memory, its connections, its paused requests. Single-threaded, without a clock or I/O.
public struct Engine: ~Copyable {
    let limits: Limits
    var machine: Machine
    var sessions = IDTable<ConnectionID, Session>()
    /// Paused requests only: what can be answered at once never gets here.
    var operations = IDTable<OperationID, Operation>()
    /// What of them is known by page, and by whom they wait for. See `Pausing.swift`.
    var claims = Claims()
    var waiters: [OperationID: Waiters] = [:]
    /// Areas that they are going to make, at most.
    var areasPromised = MostAreas()
    /// Data that their requests have brought, and all that lanes have in their queues.
    var waitingBytes = 0
    var subscriptions = IDTable<MirrorID, Subscription>()
    var policies = IDTable<SpaceID, ExpiryPolicy>()
    var deviceNames = DeviceNames()
    /// Whose pins are whose.
    var pinOwners = IDTable<PinID, ConnectionID>()
    var openMigrations = IDTable<MigrationID, OpenMigration>()
    var drivers = IDTable<DeviceID, Driver>()
    /// Pseudo devices under which others share their memory.
    var umbrellas: [Umbrella] = []
    var openRanges = IDTable<RangeID, OpenRange>()
    /// What the server allows the tenant, and its quota at work.
    var policy: TenantPolicy
    var meter: Meter
    /// What the tenant has denied itself with `config`, and what that leaves of the policy's features.
    var chosen = Restrictions()
    var restrictions: Restrictions
    /// What goes with a connection, in the order of its making.
    var managed: [Managed] = []
    /// Files that have a name, in the order of their making.
    var fileNames: [(name: ShortName, id: FileID)] = []
    /// Work that an input has set free, done before the input returns.
    var ready = Queue<Ready>()
    /// Work that has been cut short, what has to wait for that, and what has come since. See `Slices.swift`.
    var unfinished: Unfinished?
    var postponed = Queue<Postponed>()
    var deferred = InputLine()
    /// Connections that end as soon as the work at hand is done, the first to go first.
    var doomed: ArraySlice<(connection: ConnectionID, reason: CloseReason)> = []
    /// Operations with an invalidation out, and open migrations; at zero no lease runs.
    var roundsRunning = 0
    var isDraining = false
    var recording = RecordingState()
    /// Some sessions have just come to want to know of the quota.
    var hasNewListeners = false
    /// What waits for the tenant's clients to read, as far as the engine has been told.
    public internal(set) var unsentBytes: UInt64 = 0
    /// Bytes of the tenant's recording before the next input; nil without one. Whoever records says so before each
    /// input, and a replay knows it from the place of the record.
    public var recordedBytes: UInt64?
    /// The first rule that the state has broken. Nobody is served by such a state: every connection has been told, and
    /// whoever comes is.
    public internal(set) var poison: String?
    /// Work that will have been done when others should come first.
    var turnEnd = UInt64.max
    /// Work that had been done when the state was last looked at.
    var inspected: UInt64 = 0

    /// When a lease or a driver's time runs out; not after the first that does.
    var leaseDeadline: Instant?
    /// The time at which `.tick` is due, if any. It may be early, never late.
    public internal(set) var nextDeadline: Instant?

    public init(limits: Limits = Limits(), policy: TenantPolicy = TenantPolicy()) {
        self.limits = limits
        self.policy = policy
        meter = Meter(policy.quota, limits)
        restrictions = policy.restrictions
        machine = Machine(
            frameLimit: limits.residentBytes / UInt64(PageSize.bytes), hugePages: UInt64(limits.hugetlbPages),
            regionFrames: limits.regionBytes / UInt64(PageSize.bytes))
        boundMachine()
    }

    /// Connections that have not gone.
    public var connectionCount: Int { sessions.count }

    /// Requests that wait for an acknowledgement or for one another.
    public var pendingCount: Int { operations.count }

    /// Page frames in use, system and device memory together.
    public var framesUsed: UInt64 { machine.physical.used }
    /// Page frames set aside for requests that wait.
    public var framesPromised: UInt64 { machine.framesPromised }

    /// No request of `connection` is queued or paused.
    public func isIdle(_ connection: ConnectionID) -> Bool {
        if isCut { return false }
        guard let index = sessions.index(of: connection) else { return true }
        return sessions[index].isIdle
    }

    /// What is wrong with the state; empty when all is well. Reads everything.
    public func violations() -> [String] { machine.violations() + roundViolations }

    /// Work set free by the end of something else.
    enum Ready: Equatable {
        /// The next request of an untagged lane, which is busy until then.
        case lane(ConnectionID)
        /// A request whose range may be free now.
        case parked(OperationID)
        /// A round that waits for nobody, put off because much had been said.
        case round(OperationID)
        /// What is left of the leases that were over at that time.
        case leases(Instant)
        /// A request less to wait for before the server stops.
        case drain
    }

    /// Takes one input at time `now`, which never goes back, and adds what it causes to `effects`.
    ///
    /// - Returns: whether the turn goes on, see `beginTurn`. Whoever asked an engine for that after each request would
    ///   pay for a copy of it: it is borrowed across modules.
    @discardableResult
    public mutating func handle(_ input: Input, at now: Instant, into effects: inout Effects) -> Bool {
        if isCut {
            goOn(with: input, now, &effects)
        } else {
            machine.beginSlice(limits.slice)
            take(input, now, &effects)
            if hasMore { settle(now, &effects) }
        }
        if meter.watches { tellPassedBounds(now, &effects) }
        checkInDebug()
        return hasTurn
    }

    mutating func take(_ input: Input, _ now: Instant, _ effects: inout Effects) {
        switch input {
        case .request(let connection, let tag, let request): receive(connection, tag, request, now, &effects)
        case .refused(let connection, let tag, let failure, let closes):
            refuse(connection, tag, failure, closes: closes, now, &effects)
        case .connected(let connection, let principal): connect(connection, principal, &effects)
        case .disconnected(let connection): disconnect(connection, now, &effects)
        case .close(let connection, let reason): close(connection, reason)
        case .drained(let connection): goOnAfterDrain(connection)
        case .tick: if poison == nil { tick(now, &effects) } else { nextDeadline = nil }
        case .inspect: inspect(now, &effects)
        case .policy(let policy): adopt(policy)
        case .recording(let news): hear(news, &effects)
        case .unsent(let bytes): unsentBytes = bytes
        case .drain: drain(&effects)
        }
    }

    /// In debug builds a state of modest size is checked after every input, so that a defect shows where it arises. In
    /// the middle of work that has been cut an area and its entries need not agree.
    @inline(__always)
    private func checkInDebug() {
        assert(
            isCut || poison != nil || !isSmall || violations().isEmpty, "\(violations())")
    }

    /// Something has been set free, or is to be told, at the end of an input.
    @inline(__always)
    var hasMore: Bool {
        !ready.isEmpty || !doomed.isEmpty || !machine.freedDeviceFrames.isEmpty || unfinished != nil
            || !postponed.isEmpty
    }

    /// Takes what a connection has sent: the same as `.request` or `.refused`, without making an input of it.
    @discardableResult
    @inline(__always)
    public mutating func handle(
        _ item: borrowing RequestReader.Item, from connection: ConnectionID, at now: Instant,
        into effects: inout Effects
    ) -> Bool {
        if isCut {
            postpone(item, connection, now, &effects)
            return false
        }
        machine.beginSlice(limits.slice)
        switch item {
        case .request(let tag, let request): receive(connection, tag, request, now, &effects)
        case .failure(let tag, let failure, let closes):
            refuse(connection, tag, failure, closes: closes, now, &effects)
        }
        if hasMore { settle(now, &effects) }
        if meter.watches { tellPassedBounds(now, &effects) }
        checkInDebug()
        return hasTurn
    }

    @inline(never)
    private mutating func postpone(
        _ item: borrowing RequestReader.Item, _ connection: ConnectionID, _ now: Instant, _ effects: inout Effects
    ) {
        switch item {
        case .request(let tag, let request): handle(.request(connection, tag, request), at: now, into: &effects)
        case .failure(let tag, let failure, let closes):
            handle(.refused(connection, tag, failure, closes: closes), at: now, into: &effects)
        }
    }

    // MARK: Requests

    @inline(__always)
    private mutating func receive(
        _ connection: ConnectionID, _ tag: Tag, _ request: Request, _ now: Instant, _ effects: inout Effects
    ) {
        guard let index = sessions.index(of: connection), !sessions[index].isClosing else { return }
        if case .ack(let ack) = request { return acknowledge(connection, tag, ack, now, &effects) }
        if tag.isEmpty {
            if sessions[index].lane.isBusy { return enqueue(.request(request), index, &effects) }
        } else if !sessions[index].tags.isEmpty, !admit(tag, index, &effects) {
            return
        }
        start(request, Caller(connection: connection, tag: tag), now, &effects)
    }

    /// A tag may be used once at a time, and only so many at once.
    private func admit(_ tag: Tag, _ index: Int, _ effects: inout Effects) -> Bool {
        let caller = Caller(connection: sessions.id(at: index), tag: tag)
        if sessions[index].tags.contains(tag) {
            effects.fail(caller, Failure(.tagBusy, "the tag is in use by a request without an answer"))
            return false
        }
        if sessions[index].tags.count >= limits.window {
            effects.fail(caller, busy("\(limits.window) requests of this connection wait already"))
            return false
        }
        return true
    }

    func busy(_ text: String, retryAfterMilliseconds: UInt64 = 100) -> Failure {
        Failure(.busy, text, retryAfterMilliseconds: retryAfterMilliseconds)
    }

    /// Puts an untagged request behind the one that runs. Past the bound a connection without mirrors is read no
    /// further. One with mirrors is told BUSY, in turn, because its acknowledgements must get through; past twice the
    /// bound it does not listen, and is cut off.
    private mutating func enqueue(_ item: Lane.Item, _ index: Int, _ effects: inout Effects) {
        let bound = queueBound
        let queued = sessions[index].lane.queuedBytes
        if queued + item.cost > bound, !sessions[index].mirrors.isEmpty {
            guard queued < 2 * bound else { return close(sessions.id(at: index), .tooManyRequests) }
            return enqueue(.refused(busy("\(bound) bytes of untagged requests wait already"), closes: false), index)
        }
        if item.hasData, waitingBytes >= limits.waitingBytes {
            enqueue(.refused(busyWithData, closes: false), index)
        } else {
            enqueue(item, index)
        }
        if sessions[index].lane.queuedBytes > bound, !sessions[index].isReadingPaused {
            sessions[index].isReadingPaused = true
            effects.signal(.pauseReading(sessions.id(at: index)))
        }
    }

    private mutating func enqueue(_ item: Lane.Item, _ index: Int) {
        waitingBytes += item.cost
        sessions[index].lane.enqueue(item)
    }

    /// Bytes that a connection may have in its queue: where much waits for the tenant, little.
    private var queueBound: Int {
        guard waitingBytes >= limits.waitingBytes else { return limits.queuedBytes }
        return min(limits.queuedBytes, max(4096, limits.waitingBytes / sessions.count))
    }

    private mutating func refuse(
        _ connection: ConnectionID, _ tag: Tag, _ failure: Failure, closes: Bool, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let index = sessions.index(of: connection), !sessions[index].isClosing else { return }
        if tag.isEmpty, sessions[index].lane.isBusy, !closes {
            return enqueue(.refused(failure, closes: closes), index, &effects)
        }
        fail(Caller(connection: connection, tag: tag), failure, closes, now, &effects)
    }

    /// What is no request takes its place among the requests of a second all the same.
    private mutating func fail(
        _ caller: Caller, _ failure: Failure, _ closes: Bool, _ now: Instant, _ effects: inout Effects
    ) {
        effects.fail(caller, meter.countsRequests ? countRequest(now) ?? failure : failure)
        if closes { close(caller.connection, .framing) }
    }

    /// Does the work that has been set free, in order. When that says much or takes long, the rest is left to a tick
    /// that is due at once: a queue of small requests must not make gigabytes of answers in one piece, nor keep other
    /// tenants waiting.
    mutating func settle(_ now: Instant, _ effects: inout Effects) {
        let bound = effects.text.count + limits.answerBytes
        takePostponed(now, &effects)
        while unfinished == nil {
            if let (connection, reason) = doomed.popFirst() {
                dismiss(connection, reason, now, &effects)
            } else if !machine.isSliceSpent, effects.text.count <= bound, let item = ready.popFirst() {
                goOn(with: item, now, &effects)
                machine.spend(Slice.request)
            } else {
                break
            }
            takePostponed(now, &effects)
        }
        if unfinished == nil, !machine.freedDeviceFrames.isEmpty { tellFreed(&effects) }
        if isCut { nextDeadline = min(nextDeadline ?? now, now) }
    }

    private mutating func goOn(with item: Ready, _ now: Instant, _ effects: inout Effects) {
        switch item {
        case .lane(let connection): runLane(connection, now, &effects)
        case .parked(let id): unpark(id, now, &effects)
        case .round(let id): finishRound(id, now, &effects)
        case .leases(let then): endLeases(then, now, &effects)
        case .drain: break
        }
        if isDraining, ready.isEmpty { finishDraining() }
    }

    private mutating func runLane(_ connection: ConnectionID, _ now: Instant, _ effects: inout Effects) {
        guard let index = sessions.index(of: connection), !sessions[index].isClosing else { return }
        sessions[index].lane.isBusy = false
        if sessions[index].bytesFromQueue > limits.queuedBytes, !sessions[index].lane.isEmpty {
            // A long queue behind one paused request must not become more than its client takes.
            sessions[index].lane.isBusy = true
            return effects.signal(.awaitDrain(connection))
        }
        guard let item = sessions[index].lane.dequeue() else { return }
        waitingBytes -= item.cost
        let before = effects.text.count
        if sessions[index].isReadingPaused, sessions[index].lane.queuedBytes < limits.queuedBytes / 2 {
            sessions[index].isReadingPaused = false
            effects.signal(.resumeReading(connection))
        }
        switch item {
        case .request(let request): start(request, Caller(connection: connection, tag: .none), now, &effects)
        case .refused(let failure, let closes):
            fail(Caller(connection: connection, tag: .none), failure, closes, now, &effects)
        }
        guard let index = sessions.index(of: connection) else { return }
        sessions[index].bytesFromQueue += effects.text.count - before
        if !sessions[index].lane.isBusy, !sessions[index].lane.isEmpty { goOn(with: index) }
    }

    /// The client has taken what it was sent: its queue goes on.
    private mutating func goOnAfterDrain(_ connection: ConnectionID) {
        guard let index = sessions.index(of: connection), sessions[index].bytesFromQueue > limits.queuedBytes else {
            return
        }
        sessions[index].bytesFromQueue = 0
        goOn(with: index)
    }

    /// The request that ran is answered: the next one runs once everything set free before has been done.
    mutating func goOn(with session: Int) {
        sessions[session].lane.isBusy = true
        ready.append(.lane(sessions.id(at: session)))
    }
}

extension Effects {
    /// Begins the lines of an answer.
    @inline(__always)
    mutating func answer(_ caller: Caller) { address(caller.connection) }

    mutating func fail(_ caller: Caller, _ failure: Failure) {
        address(caller.connection)
        text.append(failure, tag: caller.tag)
        tally.refused[failure.code, default: 0] += 1
    }

    /// An answer that is one `+` line without keys.
    @inline(__always)
    mutating func succeed(_ caller: Caller) {
        address(caller.connection)
        text.beginSuccess(caller.tag)
        text.endLine()
    }
}
