internal import HMMMemory
package import HMMProtocol

/// What holds for the tenant while it runs: its policy may change, and nothing passes its quota.
extension Engine {
    mutating func adopt(_ policy: TenantPolicy) {
        self.policy = policy
        // What the tenant has denied itself it goes on without.
        restrictions = policy.restrictions.combined(with: chosen)
        meter.adopt(policy.quota, limits)
        boundMachine()
    }

    /// The machine stops where the quota does.
    mutating func boundMachine() {
        machine.setFrameLimit(meter.hard(.residentBytes) / UInt64(PageSize.bytes))
        machine.regionLimit = Int(meter.hard(.regions))
    }

    /// All paused requests are about to be looked at.
    mutating func spendOnPaused() { machine.spend(UInt64(operations.count)) }

    /// Paused requests of some kind: what they are going to make counts already. Whoever asks for a client says
    /// `spendOnPaused`.
    func running(_ isCounted: (Operation.Work) -> Bool) -> Int {
        (0..<operations.count).count { isCounted(operations[$0].work) }
    }

    /// How much of a resource the tenant uses; nil where the engine does not see it, or nothing asks for it.
    package func use(of resource: QuotaResource) -> UInt64? {
        switch resource {
        case .residentBytes: machine.physical.used * UInt64(PageSize.bytes)
        case .spaces: UInt64(machine.spaces.count)
        case .mirrors: UInt64(subscriptions.count)
        case .devices: UInt64(machine.devices.count)
        case .regions: UInt64(machine.regions.count)
        case .connections: UInt64(sessions.count)
        case .requestsInFlight: requestsInFlight
        case .requestsPerSecond: meter.rate.isMeasured ? meter.rate.use : nil
        case .recordingBytes: recording.isOn ? recordedBytes : nil
        case .unsentBytes: meter.isFree(.unsentBytes) ? nil : unsentBytes
        }
    }

    /// Open migrations have been answered; they are not waited for.
    private var requestsInFlight: UInt64 { UInt64(operations.count - openMigrations.count) }

    // MARK: Hard bounds

    /// Throws when one more of `resource` is one too many; `pending` of them have been promised already.
    func checkQuota(_ resource: QuotaResource, pending: Int = 0) throws(Failure) {
        let use = (use(of: resource) ?? 0) + UInt64(pending)
        guard use >= meter.hard(resource) else { return }
        throw Failure(
            .limit, "the tenant has \(use) \(resource.rawValue) and may have \(meter.hard(resource)); see `quota`")
    }

    /// Counts a request that is about to begin; why not, when it must not. Both refusals are BUSY: they pass without
    /// anything being given up, while LIMIT says that something has to go first.
    mutating func countRequest(_ request: Request, _ now: Instant) -> Failure? {
        if case .quit = request { return nil }
        if requestsInFlight >= meter.hard(.requestsInFlight), !request.mustGetThrough {
            return busy("\(meter.hard(.requestsInFlight)) requests of this tenant wait already")
        }
        return countRequest(now)
    }

    /// As above, of whatever a connection has sent.
    mutating func countRequest(_ now: Instant) -> Failure? {
        guard case .full(let milliseconds) = meter.takeRequest(at: now) else { return nil }
        return busy(
            "the tenant may begin \(meter.hard(.requestsPerSecond)) requests a second",
            retryAfterMilliseconds: milliseconds)
    }

    /// Throws when too much waits already, or when the numbers that things are given have been used up.
    func checkRoom(for request: Request) throws(Failure) {
        if operations.count >= limits.pending, !request.mustGetThrough {
            throw busy("\(limits.pending) requests of this tenant wait already")
        }
        if waitingBytes >= limits.waitingBytes, request.payload > 0 {
            throw busyWithData
        }
        guard hasRunOutOfNumbers, request.name.spec.group != .session else { return }
        throw Failure(
            .limit, "the tenant has used up its numbers; only its next life has new ones")
    }

    var busyWithData: Failure { busy("\(waitingBytes) bytes wait in requests of this tenant already") }

    private var hasRunOutOfNumbers: Bool {
        machine.hasRunOutOfNumbers || operations.hasRunOut || openMigrations.hasRunOut || openRanges.hasRunOut
    }

    // MARK: Soft bounds

    /// Tells whoever wants to know which soft bounds this input has made the tenant pass, and whoever has come to want
    /// it, which have been passed already.
    @inline(never)
    mutating func tellPassedBounds(_ now: Instant, _ effects: inout Effects) {
        meter.settleRate(at: now)
        for resource in QuotaResource.allCases {
            guard let use = use(of: resource) else { continue }
            let isNews = meter.passes(resource, use)
            guard isNews || hasNewListeners, use > meter.soft(resource) else { continue }
            for index in 0..<sessions.count
            where sessions[index].capabilities.contains(.quota) && !sessions[index].isClosing {
                if isNews || sessions[index].isNewListener { tell(index, resource, use, &effects) }
            }
        }
        guard hasNewListeners else { return }
        hasNewListeners = false
        for index in 0..<sessions.count { sessions[index].isNewListener = false }
    }

    private func tell(_ session: Int, _ resource: QuotaResource, _ use: UInt64, _ effects: inout Effects) {
        effects.address(sessions.id(at: session))
        effects.text.append("* note : quota ")
        effects.text.append(text: resource.rawValue)
        effects.text.pair(" passed: use=", use)
        append(resource, &effects)
        effects.text.endLine()
    }

    // MARK: `quota`

    mutating func showQuota(_ caller: Caller, _ now: Instant, _ effects: inout Effects) {
        meter.settleRate(at: now)
        effects.answer(caller)
        for resource in QuotaResource.allCases {
            effects.text.beginRow(caller.tag)
            effects.text.append(" name=")
            effects.text.append(text: resource.rawValue)
            if let use = use(of: resource) { effects.text.pair(" use=", use) }
            append(resource, &effects)
            effects.text.endLine()
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", UInt64(QuotaResource.allCases.count))
        effects.text.endLine()
    }

    private func append(_ resource: QuotaResource, _ effects: inout Effects) {
        append(" soft=", meter.soft(resource), &effects)
        append(" hard=", meter.hard(resource), &effects)
        effects.text.pair(" unit=", word: resource.unit)
    }

    private func append(_ key: StaticString, _ bound: UInt64, _ effects: inout Effects) {
        if bound == .max { effects.text.pair(key, word: "none") } else { effects.text.pair(key, bound) }
    }
}

extension Request {
    /// Bytes of data that it brings.
    var payload: Int {
        switch self {
        case .write(let write): write.data.count
        case .deviceWrite(let write): write.data.count
        case .fileWrite(let write): write.data.count
        case .faultPages(let fault): fault.pages.count
        default: 0
        }
    }

    /// It never waits, or it ends what others wait for: too many that wait are no reason to refuse it.
    var mustGetThrough: Bool {
        switch self {
        case .toRAM, .migrateCopy, .migrateFinish, .migrateAbort, .mirrorDrop, .mirrorUnregister, .rangeDone: true
        default: name.spec.group == .session
        }
    }
}
