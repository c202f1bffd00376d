internal import HMMMemory
internal import HMMProtocol

/// Address spaces and their areas: `mm.create`, `mm.drop`, `mmap`, `munmap`, `mprotect`, `maps`.
extension Engine {
    mutating func createSpace(_ create: SpaceCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        guard machine.spaces.count < limits.spaces else { throw over("address spaces", limits.spaces) }
        let id = machine.makeSpace()
        policies.append(create.onExpiry, id: id)
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" mm=", UInt64(id.rawValue))
        effects.text.endLine()
    }

    func over(_ what: String, _ limit: Int) -> Failure { Failure(.limit, "the tenant has \(limit) \(what) already") }

    /// The address space numbered `raw`.
    func space(_ raw: UInt32) throws(Failure) -> SpaceID {
        let id = SpaceID(rawValue: raw)
        guard machine.spaces.contains(id) else { throw Failure(.noSpaceID, "there is no address space \(raw)") }
        return id
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

    func operation(_ mmap: Mmap, _ caller: Caller) throws(Failure) -> Operation {
        Operation(caller: caller, verb: .mmap, space: try space(mmap.space), work: .map(mmap))
    }

    mutating func map(_ mmap: Mmap, _ caller: Caller, _ effects: inout Effects) {
        let count = PageRange(touching: 0, length: mmap.length).count
        let protection = Protection(rawValue: mmap.protection.rawValue)
        do throws(Machine.MappingRefusal) {
            let range = try machine.mapArea(
                SpaceID(rawValue: mmap.space), at: mmap.va.map { Page(containing: $0) }, count: count, protection,
                areaLimit: limits.areas)
            effects.answer(caller)
            effects.text.beginSuccess(caller.tag)
            effects.text.pair(" va=", hex: range.start.address)
            effects.text.pair(" len=", range.length)
            append(protection, &effects)
            effects.text.endLine()
        } catch {
            effects.fail(caller, failure(error))
        }
    }

    private func failure(_ refusal: Machine.MappingRefusal) -> Failure {
        switch refusal {
        case .taken(let page): Failure(.exists, "something is mapped there", address: page.address)
        case .tooLow: Failure(.permission, "nothing may be mapped below \(AddressSpace.lowest.address)")
        case .noGap: Failure(.outOfMemory, "no gap in the address space is large enough")
        case .tooManyAreas: Failure(.limit, "the address space has \(limits.areas) areas already")
        case .noSpace: Failure(.cancelled, "the address space was dropped meanwhile")
        }
    }

    func append(_ protection: Protection, _ effects: inout Effects) {
        effects.text.append(" prot=")
        if protection.isEmpty { effects.text.append("none") }
        if protection.contains(.read) { effects.text.append("r") }
        if protection.contains(.write) { effects.text.append("w") }
        if protection.contains(.execute) { effects.text.append("x") }
    }

    func operation(_ munmap: Munmap, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(munmap.space)
        let range = PageRange(touching: munmap.extent.va, length: munmap.extent.length)
        try checkAreas(space) { $0.growth(removing: range) }
        return Operation(caller: caller, verb: .munmap, space: space, work: .unmap(Unmapping(space, range)))
    }

    func operation(_ mprotect: Mprotect, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(mprotect.space)
        let range = PageRange(touching: mprotect.extent.va, length: mprotect.extent.length)
        let protection = Protection(rawValue: mprotect.protection.rawValue)
        try checkAreas(space) { $0.growth(protecting: range, protection) }
        return Operation(
            caller: caller, verb: .mprotect, space: space, work: .protect(ProtectionChange(space, range, protection)))
    }

    /// Cutting areas makes more of them.
    private func checkAreas(_ space: SpaceID, _ growth: (borrowing AreaMap) -> Int) throws(Failure) {
        guard let index = machine.spaces.index(of: space),
            machine.spaces[index].areas.areas.count + growth(machine.spaces[index].areas) > limits.areas
        else { return }
        throw Failure(.limit, "the address space may have \(limits.areas) areas, and this would cut one more")
    }

    func showAreas(_ maps: Maps, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let space = try space(maps.space)
        guard let index = machine.spaces.index(of: space) else { return }
        let areas = machine.spaces[index].areas.areas
        guard areas.count * 64 <= limits.answerBytes else {
            throw Failure(.limit, "\(areas.count) areas do not fit in one answer")
        }
        effects.answer(caller)
        for area in areas {
            effects.text.beginRow(caller.tag)
            effects.text.pair(" va=", hex: area.range.start.address)
            effects.text.pair(" len=", area.range.length)
            append(area.protection, &effects)
            effects.text.append(" kind=anon-private\n")
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", UInt64(areas.count))
        effects.text.pair(" resident=", machine.spaces[index].resident)
        effects.text.endLine()
    }
}
