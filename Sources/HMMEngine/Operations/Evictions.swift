internal import HMMMemory
internal import HMMProtocol

/// Device memory leaves: `evict`, `region.remove`, `dev.remove`, and `mirror.drop` of drivers that evict then.
extension Engine {
    func operation(_ evict: Evict, _ caller: Caller) throws(Failure) -> Operation {
        let eviction: Eviction
        if let pfn = evict.pfn, let count = evict.count {
            let frame = FrameNumber(number: pfn)
            guard let id = machine.region(of: frame), let index = machine.regions.index(of: id),
                count <= machine.regions[index].firstFrame.number + machine.regions[index].capacity - pfn
            else { throw Failure(.badArgument, "these frames are not in one region") }
            eviction = Eviction(frame, count)
        } else if let region = evict.region {
            eviction = Eviction([try self.region(region)], machine)
        } else {
            let device = try device(evict.device)
            eviction = Eviction(regions(of: device), machine)
        }
        return self.operation(eviction, .asked, .evict, caller)
    }

    private func operation(
        _ eviction: Eviction, _ purpose: Operation.Evicting, _ verb: VerbName, _ caller: Caller
    ) -> Operation {
        Operation(caller: caller, verb: verb, space: SpaceID(rawValue: 0), work: .evict(Boxed(eviction), purpose))
    }

    func regions(of device: DeviceID) -> [RegionID] {
        machine.devices.index(of: device).map { machine.devices[$0].regions } ?? []
    }

    func region(_ raw: UInt32) throws(Failure) -> RegionID {
        let id = RegionID(rawValue: raw)
        guard machine.regions.contains(id) else { throw Failure(.noRegion, "there is no region \(raw)") }
        return id
    }

    func operation(_ remove: RegionRemove, _ caller: Caller) throws(Failure) -> Operation {
        let id = try region(remove.region)
        guard !managed.contains(where: { $0.thing == .region(id) }) else {
            throw Failure(.denied, "region \(remove.region) is managed: it goes with what it was made for")
        }
        return operation(Eviction([id], machine), .region(id), .regionRemove, caller)
    }

    func operation(_ remove: DeviceRemove, _ caller: Caller) throws(Failure) -> Operation {
        removal(of: try device(remove.device), caller)
    }

    /// A device goes: nothing may be put on it any more, and what is there comes back.
    func removal(of device: DeviceID, _ caller: Caller) -> Operation {
        operation(Eviction(regions(of: device), machine), .device(device), .deviceRemove, caller)
    }

    /// A mirror has been dropped, and its device is one that everything leaves then.
    func evictionAfterDrop(_ device: DeviceID, _ caller: Caller) -> Operation {
        operation(Eviction(regions(of: device), machine), .mirrorDrop, .mirrorDrop, caller)
    }

    /// Everything that could leave has left: what was to go goes. Throws why it cannot.
    mutating func complete(
        _ eviction: Eviction, _ purpose: Operation.Evicting, _ now: Instant, _ effects: inout Effects
    ) throws(Failure) {
        switch purpose {
        case .asked, .mirrorDrop: return
        case .region(let id): try removeRegion(id, eviction)
        case .device(let id): try removeDevice(id, eviction, now, &effects)
        case .managed(let things):
            // One that cannot go keeps no other from going.
            for thing in things {
                switch thing {
                case .region(let id): try? removeRegion(id, eviction)
                case .device(let id): try? removeDevice(id, eviction, now, &effects)
                }
            }
        }
    }

    private mutating func removeDevice(
        _ id: DeviceID, _ eviction: Eviction, _ now: Instant, _ effects: inout Effects
    ) throws(Failure) {
        let regions = regions(of: id)
        for region in regions { try checkEmpty(region, eviction) }
        let mirrors = (0..<machine.mirrors.count).filter { machine.mirrors[$0].device == id }
            .map { machine.mirrors.id(at: $0) }
        let waiting = cutOff(mirrors, .device, now, &effects)
        for region in regions { try removeRegion(region, eviction) }
        machine.removeDevice(id)
        _ = drivers.remove(id)
        dropUnusedUmbrellas()
        managed.removeAll { $0.thing == .device(id) }
        deviceNames.remove(id)
        // Last: those who waited go on, and must not find the device any more.
        release(waiting, of: mirrors, now, &effects) { $0.fenced += $1 }
    }

    private mutating func removeRegion(_ id: RegionID, _ eviction: Eviction) throws(Failure) {
        try checkEmpty(id, eviction)
        _ = machine.removeRegion(id)
        managed.removeAll { $0.thing == .region(id) }
    }

    private func checkEmpty(_ id: RegionID, _ eviction: Eviction) throws(Failure) {
        guard let index = machine.regions.index(of: id), machine.regions[index].used > 0 else { return }
        throw busy("pages of region \(id.rawValue) could not leave it: \(machine.regions[index].used)")
    }

    mutating func answer(
        _ eviction: Eviction, _ purpose: Operation.Evicting, _ operation: borrowing Operation, _ effects: inout Effects
    ) {
        let caller = operation.caller
        effects.answer(caller)
        if purpose == .mirrorDrop { return effects.succeed(caller) }
        if purpose == .asked { writeRows(eviction, caller.tag, &effects) }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" moved=", eviction.count(moved: true))
        if purpose == .asked { effects.text.pair(" stayed=", eviction.count(moved: false)) }
        effects.text.pair(" acked=", operation.acked)
        effects.text.pair(" fenced=", operation.fenced)
        effects.text.endLine()
    }

    private mutating func writeRows(_ eviction: Eviction, _ tag: Tag, _ effects: inout Effects) {
        _ = rows(eviction.runs, &effects) { _, run, text in
            text.beginRow(tag)
            text.pair(" pfn=", hex: run.first.number)
            text.pair(" pages=", run.count)
            switch run.outcome {
            case .moved: text.append(" result=moved")
            case .stayed(let reason): text.pair(" result=stayed reason=", word: reason.word)
            }
            text.endLine()
        }
    }
}
