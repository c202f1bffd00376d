internal import HMMMemory
internal import HMMProtocol

/// Address spaces: `mm.create`, `mm.fork`, `mm.drop`; pins; and `pagemap`.
extension Engine {
    mutating func createSpace(_ create: SpaceCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        spendOnPaused()
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
            .limit,
            "this takes more page frames, huge pages or page tables than the tenant may have: \(machine.physical.used * UInt64(PageSize.bytes)) "
                + "of \(meter.hard(.residentBytes)) bytes of frames are in use", address: address)
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

    mutating func operation(_ fork: SpaceFork, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(fork.space)
        spendOnPaused()
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

    /// A copy that nobody has heard of goes again.
    mutating func drop(unknown child: SpaceID, _ caller: Caller, _ now: Instant, _ effects: inout Effects) {
        run(
            Operation(
                caller: caller, verb: .spaceDrop, space: child, work: .exit(SpaceExit(child, known: false))),
            now, &effects)
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

    mutating func answer(_ reaping: Reaping, _ operation: borrowing Operation, _ effects: inout Effects) {
        let caller = operation.caller
        effects.answer(caller)
        _ = rows(reaping.outcomes, &effects) { _, outcome, text in
            text.beginRow(caller.tag)
            text.pair(" va=", hex: outcome.range.start.address)
            text.pair(" len=", outcome.range.length)
            text.pair(" result=", word: outcome.isReaped ? "reaped" : "skipped")
            text.endLine()
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" pages=", reaping.freed)
        effects.text.pair(" skipped=", UInt64(reaping.outcomes.filter { !$0.isReaped }.count))
        effects.text.pair(" acked=", operation.acked)
        effects.text.endLine()
    }

    // MARK: Pins

    mutating func operation(_ pin: HMMProtocol.Pin, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(pin.space)
        spendOnPaused()
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

    mutating func operation(_ unpin: Unpin, _ caller: Caller) throws(Failure) -> Operation {
        let id = PinID(rawValue: unpin.pin)
        guard let index = pinOwners.index(of: id) else { throw Failure(.noPin, "there is no pin \(unpin.pin)") }
        guard pinOwners[index] == caller.connection else {
            throw Failure(.denied, "pin \(unpin.pin) belongs to another connection")
        }
        _ = pinOwners.remove(id)
        return unpinning([id], caller)
    }

    private func unpinning(_ pins: [PinID], _ caller: Caller) -> Operation {
        Operation(caller: caller, verb: .unpin, space: SpaceID(rawValue: 0), work: .unpin(Unpinning(pins)))
    }

    func answer(_ unpinning: Unpinning, _ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" pages=", unpinning.pages)
        effects.text.endLine()
    }

    /// A connection has gone: what it held it holds no more.
    mutating func releasePins(of connection: ConnectionID, _ now: Instant, _ effects: inout Effects) {
        machine.spend(UInt64(pinOwners.count) / 8)
        let pins = (0..<pinOwners.count).filter { pinOwners[$0] == connection }.map { pinOwners.id(at: $0) }
        guard !pins.isEmpty else { return }
        pinOwners.remove(ascending: pins)
        run(unpinning(pins.reversed(), Caller(connection: connection, tag: .none)), now, &effects)
    }

    // MARK: pagemap

    func operation(_ pagemap: Pagemap, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(pagemap.space)
        let pages = PageRange(touching: pagemap.extent.va, length: pagemap.extent.length)
        return Operation(caller: caller, verb: .pagemap, space: space, work: .pagemap(look(space, pages)))
    }

    /// A look that finds no more than one answer can show.
    func look(_ space: SpaceID, _ pages: PageRange) -> MappingLook {
        MappingLook(space, pages, most: limits.answerBytes / 32)
    }

    mutating func answer(_ look: MappingLook, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        effects.answer(caller)
        let fits = rows(look.runs, &effects) { engine, run, text in engine.write(run, caller.tag, &text) }
        guard fits else { throw tooManyRows }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", UInt64(look.runs.count))
        effects.text.endLine()
    }

    private func write(_ run: MappingRun, _ tag: Tag, _ text: inout WireBuffer) {
        text.beginRow(tag)
        text.pair(" va=", hex: run.start.address)
        text.pair(" pages=", run.count)
        text.pair(" kind=", word: run.entry.kind.word)
        if !run.entry.isNone { text.pair(" perm=", word: run.entry.isWritable ? "rw" : "r") }
        text.pair(" present=", word: run.entry.isPresent ? "yes" : "no")
        if let device = run.frame.flatMap({ machine.device(of: $0) }) { text.pair(" dev=", deviceName(device)) }
        if run.entry.isHuge { text.append(" order=9") }
        if let frame = run.frame {
            text.pair(" pfn=", hex: frame.number)
            if run.count > 1 { text.pair("+", run.count) }
            text.pair(" maps=", UInt64(run.mappings))
            text.pair(" refs=", UInt64(run.references))
        }
        text.endLine()
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
