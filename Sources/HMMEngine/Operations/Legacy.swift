internal import HMMMemory
internal import HMMProtocol

/// The number of a range between `hmm.vma-get-pfns` or `hmm.vma-fault` and `hmm.vma-range-done`.
struct RangeID: Identifier {
    let rawValue: UInt32
    init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A range that a driver of 2017 works with. Kernel: `struct hmm_range`.
struct OpenRange {
    let connection: ConnectionID
    let mirror: MirrorID
    let pages: PageRange
    /// Nothing in it has been invalidated since.
    var isValid = true
}

/// The interface of 2017: `hmm.mirror-register`, `hmm.vma-get-pfns`, `hmm.vma-fault`, `hmm.vma-range-done`,
/// `hmm.devmem-add`, `hmm.devmem-add-resource`, `hmm.migrate-vma`.
extension Engine {
    mutating func registerMirror(
        _ register: MirrorRegister, _ caller: Caller, _ effects: inout Effects
    ) throws(Failure) {
        let space = try space(register.space)
        let device = try device(register.device)
        let all = PageRange(Page(number: 0), AddressSpace.highest)
        let id = try makeMirror(
            space, device, all, register.leaseMilliseconds, register.acknowledgement, isLegacy: true, caller, &effects)
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" mirror=", UInt64(id.rawValue))
        effects.text.endLine()
    }

    /// The mirror of 2017 numbered `raw`, with a range that lies within one area of ordinary memory.
    private func legacyMirror(
        _ raw: UInt32, _ extent: Extent, _ caller: Caller
    ) throws(Failure) -> (id: MirrorID, space: SpaceID, device: DeviceID, pages: PageRange) {
        let pages = PageRange(touching: extent.va, length: extent.length)
        let mirror = try usableMirror(raw, caller.connection, pages)
        guard let subscription = subscriptions.index(of: mirror.id), subscriptions[subscription].isLegacy else {
            throw Failure(.state, "mirror \(raw) was not made by `hmm.mirror-register`")
        }
        guard extent.length <= limits.residentBytes else {
            throw Failure(.limit, "one range covers at most \(limits.residentBytes) bytes")
        }
        guard let index = machine.spaces.index(of: mirror.space),
            let area = machine.spaces[index].areas.area(at: pages.start), area.range.contains(pages)
        else {
            throw Failure(
                .notMapped, "the range does not lie within one area", errno: .EINVAL, address: pages.start.address)
        }
        guard area.kind == .anonymous || area.kind == .file else {
            throw Failure(
                .notMapped, "the area is a special one", errno: .EINVAL, address: pages.start.address)
        }
        guard area.protection.contains(.read) else {
            throw Failure(.permission, "the area is not readable", address: pages.start.address)
        }
        return (mirror.id, mirror.space, mirror.device, pages)
    }

    mutating func operation(_ get: GetPfns, _ caller: Caller) throws(Failure) -> Operation {
        let mirror = try legacyMirror(get.mirror, get.extent, caller)
        try checkRanges()
        return Operation(
            caller: caller, verb: .getPfns, space: mirror.space,
            work: legacy(RangeFault(mirror.id, mirror.pages, FaultRequest(.nothing), machine), mirror.space))
    }

    private func legacy(_ fault: RangeFault, _ space: SpaceID) -> Operation.Work {
        .legacy(Boxed(fault), Boxed(look(space, fault.pages)))
    }

    private mutating func checkRanges() throws(Failure) {
        spendOnPaused()
        let opening = running { if case .legacy = $0 { true } else { false } }
        guard openRanges.count + opening < limits.openRanges else { throw over("open ranges", limits.openRanges) }
    }

    /// Device memory is left where it is, whoever's it is, unless it has to be written and cannot.
    mutating func operation(_ fault: VmaFault, _ caller: Caller) throws(Failure) -> Operation {
        let mirror = try legacyMirror(fault.mirror, fault.extent, caller)
        try checkRanges()
        let request = FaultRequest(fault.write ? .write : .read, leavesDeviceMemory: true)
        return Operation(
            caller: caller, verb: .vmaFault, space: mirror.space,
            work: legacy(RangeFault(mirror.id, mirror.pages, request, machine), mirror.space),
            refusesToWait: !fault.block)
    }

    /// Shows a range as 2017 did, and keeps it open.
    mutating func answerLegacy(
        _ fault: RangeFault, _ look: MappingLook, _ caller: Caller, _ effects: inout Effects
    ) throws(Failure) {
        effects.answer(caller)
        let fits = rows(look.runs, &effects) { engine, run, text in engine.writeLegacy(run, caller.tag, &text) }
        guard fits else { throw tooManyRows }
        let id = openRanges.append(
            OpenRange(connection: caller.connection, mirror: fault.mirror, pages: fault.pages))
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" range=", UInt64(id.rawValue))
        effects.text.pair(" pages=", fault.pages.count)
        effects.text.endLine()
    }

    private func writeLegacy(_ run: MappingRun, _ tag: Tag, _ text: inout WireBuffer) {
        text.beginRow(tag)
        text.pair(" va=", hex: run.start.address)
        text.pair(" pages=", run.count)
        switch run.entry.kind {
        case .none, .migrating, .exclusive: text.append(" flags=empty")
        case .zero, .system, .coherent, .devicePrivate:
            text.append(" flags=valid,read")
            if run.entry.isWritable { text.append(",write") }
            if run.entry.kind == .devicePrivate { text.append(",device-unaddressable") }
            if let frame = run.frame {
                text.pair(" pfn=", hex: frame.number)
                if run.count > 1 { text.pair("+", run.count) }
            }
        }
        text.endLine()
    }

    mutating func endRange(_ done: RangeDone, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let id = RangeID(rawValue: done.range)
        guard let index = openRanges.index(of: id), openRanges[index].connection == caller.connection else {
            throw Failure(.noRange, "no range \(done.range) is open on this connection")
        }
        let isValid = openRanges[index].isValid
        _ = openRanges.remove(id)
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" valid=", word: isValid ? "yes" : "no")
        effects.text.endLine()
    }

    /// Ranges that an invalidation overlaps are not valid any more. One that ends where a range begins counts, one that
    /// begins where it ends does not. Kernel: hmm_invalidate_range() of 2017.
    /// `mirrors` in ascending order.
    mutating func invalidateRanges(of mirrors: [MirrorID], _ range: PageRange) {
        for index in 0..<openRanges.count where mirrors.contains(ascending: openRanges[index].mirror) {
            let pages = openRanges[index].pages
            if range.start < pages.end, pages.start <= range.end { openRanges[index].isValid = false }
        }
    }

    mutating func dropRanges(_ isGone: (OpenRange) -> Bool) {
        for index in (0..<openRanges.count).reversed() where isGone(openRanges[index]) {
            _ = openRanges.remove(openRanges.id(at: index))
        }
    }

    /// The update callback: at the end of the range, and nobody waits for an answer.
    mutating func tellUpdates(_ updates: [MirrorID], _ invalidation: Invalidation, _ effects: inout Effects) {
        for mirror in updates {
            guard let index = subscriptions.index(of: mirror), !subscriptions[index].isFenced,
                let session = sessions.index(of: subscriptions[index].connection)
            else { continue }
            effects.address(subscriptions[index].connection)
            effects.text.pair("!", sessions[session].takeEventNumber())
            effects.text.pair(" update mirror=", UInt64(mirror.rawValue))
            effects.text.pair(" va=", hex: invalidation.range.start.address)
            effects.text.pair(" len=", invalidation.range.length)
            effects.text.append(" action=invalidate\n")
        }
    }

    // MARK: Device memory

    mutating func addMemory(_ add: DevmemAdd, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let id = try makeRegion(try device(add.device), add.length, .devicePrivate, nil)
        managed.append(Managed(thing: .region(id), owner: caller.connection))
        answerRegion(id, add.device, caller, &effects)
    }

    mutating func addResource(
        _ add: DevmemAddResource, _ caller: Caller, _ effects: inout Effects
    ) throws(Failure) {
        let id = try makeRegion(try device(add.device), add.length, .coherent, add.pfn)
        managed.append(Managed(thing: .region(id), owner: caller.connection))
        answerRegion(id, add.device, caller, &effects)
    }
}
