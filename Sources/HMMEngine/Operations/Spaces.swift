internal import HMMMemory
internal import HMMProtocol

/// Address spaces: `mm.create`, `mm.fork`, `mm.drop`; pins; and `pagemap`.
extension Engine {
    mutating func createSpace(_ create: SpaceCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        try checkQuota(.spaces, pending: forksRunning)
        let id = machine.makeSpace()
        policies.append(create.onExpiry, id: id)
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" mm=", UInt64(id.rawValue))
        effects.text.endLine()
    }

    func over(_ what: String, _ limit: Int) -> Failure { Failure(.limit, "the tenant has \(limit) \(what) already") }

    func overFrames(at address: UInt64? = nil) -> Failure {
        Failure(
            .limit, "the tenant has \(meter.hard(.residentBytes)) bytes of page frames, or of page tables, in use",
            address: address)
    }

    /// The address space numbered `raw`.
    func space(_ raw: UInt32) throws(Failure) -> SpaceID {
        let id = SpaceID(rawValue: raw)
        guard machine.spaces.contains(id) else { throw Failure(.noSpaceID, "there is no address space \(raw)") }
        return id
    }

    /// Address spaces that are being made.
    package var forksRunning: Int {
        running { if case .fork(let fork) = $0 { fork.child == nil } else { false } }
    }

    func operation(_ fork: SpaceFork, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(fork.space)
        try checkQuota(.spaces, pending: forksRunning)
        let operation = Operation(caller: caller, verb: .spaceFork, space: space, work: .fork(Fork(space)))
        try checkAreas(operation)
        return operation
    }

    /// The copy of an address space is complete; it keeps the parent's policy.
    mutating func adopt(_ fork: Fork) {
        guard let child = fork.child else { return }
        policies.append(policy(of: fork.parent), id: child)
    }

    func answer(_ fork: Fork, _ operation: borrowing Operation, _ effects: inout Effects) {
        guard let child = fork.child else { return }
        effects.answer(operation.caller)
        effects.text.beginSuccess(operation.caller.tag)
        effects.text.pair(" mm=", UInt64(child.rawValue))
        appendRound(operation, &effects)
        effects.text.endLine()
    }

    func operation(_ drop: SpaceDrop, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(drop.space)
        return Operation(caller: caller, verb: .spaceDrop, space: space, work: .exit(SpaceExit(space)))
    }

    /// An address space has been emptied: it is known no more.
    mutating func forget(_ space: SpaceID) {
        machine.removeSpace(space)
        _ = policies.remove(space)
    }

    func operation(_ reap: SpaceReap, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(reap.space)
        return Operation(caller: caller, verb: .spaceReap, space: space, work: .reap(Boxed(Reaping(space))))
    }

    func answer(_ reaping: Reaping, _ operation: borrowing Operation, _ effects: inout Effects) {
        let caller = operation.caller
        effects.answer(caller)
        let start = effects.text.count
        for outcome in reaping.outcomes where effects.text.count - start <= limits.answerBytes {
            effects.text.beginRow(caller.tag)
            effects.text.pair(" va=", hex: outcome.range.start.address)
            effects.text.pair(" len=", outcome.range.length)
            effects.text.pair(" result=", word: outcome.isReaped ? "reaped" : "skipped")
            effects.text.endLine()
        }
        if effects.text.count - start > limits.answerBytes { effects.text.truncate(to: start) }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" pages=", reaping.freed)
        effects.text.pair(" skipped=", UInt64(reaping.outcomes.filter { !$0.isReaped }.count))
        effects.text.pair(" acked=", operation.acked)
        effects.text.endLine()
    }

    // MARK: Pins

    func operation(_ pin: HMMProtocol.Pin, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(pin.space)
        let making = running { if case .pin = $0 { true } else { false } }
        guard machine.pins.count + making < limits.pins else { throw over("pins", limits.pins) }
        guard pin.extent.length <= limits.residentBytes else {
            throw Failure(.limit, "one pin covers at most \(limits.residentBytes) bytes")
        }
        let pages = PageRange(touching: pin.extent.va, length: pin.extent.length)
        guard machine.pinnedPages + pagesBeingPinned + pages.count <= limits.pinnedPages else {
            throw Failure(.limit, "all pins of the tenant together cover at most \(limits.pinnedPages) pages")
        }
        let isPin = pin.mode != .get && pin.mode != .getFast
        let isLongTerm = pin.mode == .longterm || pin.mode == .longtermFast
        return Operation(
            caller: caller, verb: .pin, space: space,
            work: .pin(Boxed(Pinning(space, pages, write: pin.access == .write, pin: isPin, longTerm: isLongTerm))))
    }

    private var pagesBeingPinned: UInt64 {
        (0..<operations.count).reduce(0) { sum, index in
            if case .pin(let pinning) = operations[index].work { sum + pinning.pages.count } else { sum }
        }
    }

    func answer(_ pinning: Pinning, _ operation: borrowing Operation, _ effects: inout Effects) {
        guard let pin = pinning.pin else { return }
        effects.answer(operation.caller)
        effects.text.beginSuccess(operation.caller.tag)
        effects.text.pair(" pin=", UInt64(pin.rawValue))
        effects.text.pair(" pages=", pinning.pages.count)
        appendRound(operation, &effects)
        effects.text.endLine()
    }

    mutating func unpin(_ unpin: Unpin, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let id = PinID(rawValue: unpin.pin)
        guard let index = pinOwners.index(of: id) else { throw Failure(.noPin, "there is no pin \(unpin.pin)") }
        guard pinOwners[index] == caller.connection else {
            throw Failure(.denied, "pin \(unpin.pin) belongs to another connection")
        }
        _ = pinOwners.remove(id)
        guard let pages = machine.unpin(id) else { return }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" pages=", pages)
        effects.text.endLine()
    }

    /// A connection has gone: what it held it holds no more.
    mutating func releasePins(of connection: ConnectionID) {
        for index in (0..<pinOwners.count).reversed() where pinOwners[index] == connection {
            let id = pinOwners.id(at: index)
            _ = pinOwners.remove(id)
            _ = machine.unpin(id)
        }
    }

    // MARK: pagemap

    func showPages(_ pagemap: Pagemap, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let space = try space(pagemap.space)
        let pages = PageRange(touching: pagemap.extent.va, length: pagemap.extent.length)
        effects.answer(caller)
        let start = effects.text.count
        var rows: UInt64 = 0
        machine.forEachMapping(space, pages) { run in
            guard effects.text.count - start <= limits.answerBytes else { return }
            rows += 1
            write(run, caller.tag, &effects)
        }
        guard effects.text.count - start <= limits.answerBytes else {
            effects.text.truncate(to: start)
            throw Failure(.limit, "the answer has more than \(limits.answerBytes) bytes; ask for less at a time")
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", rows)
        effects.text.endLine()
    }

    private func write(_ run: MappingRun, _ tag: Tag, _ effects: inout Effects) {
        effects.text.beginRow(tag)
        effects.text.pair(" va=", hex: run.start.address)
        effects.text.pair(" pages=", run.count)
        effects.text.pair(" kind=", word: run.entry.kind.word)
        if !run.entry.isNone { effects.text.pair(" perm=", word: run.entry.isWritable ? "rw" : "r") }
        effects.text.pair(" present=", word: run.entry.isPresent ? "yes" : "no")
        if let device = run.frame.flatMap({ machine.device(of: $0) }) { effects.text.pair(" dev=", deviceName(device)) }
        if run.entry.isHuge { effects.text.append(" order=9") }
        if let frame = run.frame {
            effects.text.pair(" pfn=", hex: frame.number)
            if run.count > 1 { effects.text.pair("+", run.count) }
            effects.text.pair(" maps=", UInt64(run.mappings))
            effects.text.pair(" refs=", UInt64(run.references))
        }
        effects.text.endLine()
    }
}

extension PageEntry.Kind {
    var word: StaticString {
        switch self {
        case .none: "none"
        case .zero: "zero"
        case .system: "ram"
        case .devicePrivate: "private"
        case .coherent: "coherent"
        case .exclusive: "exclusive"
        case .migrating: "migrating"
        }
    }
}
