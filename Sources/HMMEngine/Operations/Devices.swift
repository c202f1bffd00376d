internal import HMMMemory
internal import HMMProtocol

/// Devices, their regions and their mirrors: `dev.create`, `dev.list`, `region.create`, `mirror`, `mirror.drop`.
extension Engine {
    func deviceName(_ id: DeviceID) -> ShortName { deviceNames[id] }

    /// The device called `name`.
    func device(_ name: ShortName) throws(Failure) -> DeviceID {
        guard let id = deviceNames.id(of: name) else {
            throw Failure(.noDevice, "there is no device `\(name)`; `dev.list` shows them")
        }
        return id
    }

    mutating func createDevice(_ create: DeviceCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        guard deviceNames.id(of: create.device) == nil else {
            throw Failure(.exists, "there is a device `\(create.device)` already")
        }
        guard create.deadlineMilliseconds <= limits.deadlineMilliseconds else {
            throw Failure(.badArgument, "`deadline` is at most \(limits.deadlineMilliseconds) ms")
        }
        try checkQuota(.devices)
        let umbrella = create.umbrella.isEmpty ? nil : try umbrella(create.umbrella)
        let id = machine.makeDevice(
            create.profile == .dmirror ? .dmirror : .standard, chunk: create.chunk.map { $0 >> PageSize.shift },
            reportsFreed: create.freeEvents, umbrella: umbrella)
        deviceNames.append(create.device, id)
        drivers.append(
            Driver(
                connection: caller.connection, asksClient: create.toRAM == .client,
                deadlineMilliseconds: create.deadlineMilliseconds),
            id: id)
        if !create.persists { managed.append(Managed(thing: .device(id), owner: caller.connection)) }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" dev=", create.device)
        effects.text.endLine()
    }

    func listDevices(_ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        var rows: UInt64 = 0
        for index in 0..<machine.devices.count {
            let id = machine.devices.id(at: index)
            let name = deviceName(id)
            let device = machine.devices[index]
            if device.regions.isEmpty {
                effects.text.beginRow(caller.tag)
                effects.text.pair(" dev=", name)
                append(id, device, &effects)
                effects.text.endLine()
                rows += 1
            }
            for region in device.regions {
                guard let position = machine.regions.index(of: region) else { continue }
                effects.text.beginRow(caller.tag)
                append(region, machine.regions[position], name, &effects)
                effects.text.pair(" used=", machine.regions[position].used)
                append(id, device, &effects)
                effects.text.endLine()
                rows += 1
            }
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", rows)
        effects.text.endLine()
    }

    /// What is not as with most devices.
    private func append(_ id: DeviceID, _ device: Device, _ effects: inout Effects) {
        if drivers.index(of: id).map({ drivers[$0].asksClient }) ?? false { effects.text.append(" to-ram=client") }
        if device.profile == .dmirror { effects.text.append(" profile=dmirror") }
        if let chunk = device.chunk { effects.text.pair(" chunk=", chunk << PageSize.shift) }
        if device.reportsFreed { effects.text.append(" free-events=yes") }
        if let umbrella = umbrellas.first(where: { $0.group == device.group })?.name {
            effects.text.pair(" umbrella=", umbrella)
        }
    }

    private func append(_ id: RegionID, _ region: Region, _ name: ShortName, _ effects: inout Effects) {
        effects.text.pair(" region=", UInt64(id.rawValue))
        effects.text.pair(" dev=", name)
        effects.text.pair(" kind=", word: region.kind.word)
        effects.text.pair(" pfn=", hex: region.firstFrame.number)
        effects.text.pair(" pages=", region.capacity)
    }

    /// Device memory promised by all regions, in bytes.
    var regionBytes: UInt64 { machine.promisedFrames * UInt64(PageSize.bytes) }

    mutating func createRegion(_ create: RegionCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let device = try device(create.device)
        let id = try makeRegion(
            device, create.length, create.kind == .coherent ? .coherent : .devicePrivate, create.pfn)
        if create.managed { managed.append(Managed(thing: .region(id), owner: caller.connection)) }
        answerRegion(id, create.device, caller, &effects)
    }

    mutating func makeRegion(
        _ device: DeviceID, _ length: UInt64, _ kind: Region.Kind, _ pfn: UInt64?
    ) throws(Failure) -> RegionID {
        try checkQuota(.regions)
        guard length <= limits.regionBytes, regionBytes + length <= limits.regionBytes else {
            throw Failure(.limit, "the tenant's regions may have \(limits.regionBytes) bytes together")
        }
        do throws(Machine.RegionRefusal) {
            return try machine.makeRegion(device, pages: length / UInt64(PageSize.bytes), kind, at: pfn)
        } catch {
            throw failure(error, pfn)
        }
    }

    private func failure(_ refusal: Machine.RegionRefusal, _ pfn: UInt64?) -> Failure {
        switch refusal {
        case .noDevice: Failure(.cancelled, "the device has gone meanwhile")
        case .noRange: Failure(.outOfMemory, "no free physical range is large enough")
        case .overlaps: Failure(.exists, "another region is at that physical range", errno: .EBUSY)
        case .notDeviceMemory:
            Failure(
                .badArgument,
                "device memory is from frame 0x8000000 up to 0x10000000; `pfn` must be a multiple of 512 there")
        }
    }

    func answerRegion(_ id: RegionID, _ name: ShortName, _ caller: Caller, _ effects: inout Effects) {
        guard let index = machine.regions.index(of: id) else { return }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        append(id, machine.regions[index], name, &effects)
        effects.text.endLine()
    }

    // MARK: Mirrors

    mutating func createMirror(_ create: MirrorCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let space = try space(create.space)
        let device = try device(create.device)
        let range = PageRange(touching: create.extent.va, length: create.extent.length)
        let id = try makeMirror(
            space, device, range, create.leaseMilliseconds, create.acknowledgement, isLegacy: false, caller, &effects)
        guard let index = machine.mirrors.index(of: id) else { return }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" mirror=", UInt64(id.rawValue))
        effects.text.pair(" seq=", machine.mirrors[index].sequence)
        effects.text.pair(" lease=", create.leaseMilliseconds)
        effects.text.endLine()
    }

    /// A new mirror of the caller's.
    mutating func makeMirror(
        _ space: SpaceID, _ device: DeviceID, _ range: PageRange, _ lease: UInt64,
        _ acknowledgement: Acknowledgement, isLegacy: Bool, _ caller: Caller, _ effects: inout Effects
    ) throws(Failure) -> MirrorID {
        try checkQuota(.mirrors)
        guard lease <= limits.leaseMilliseconds else {
            throw Failure(.badArgument, "a lease is at most \(limits.leaseMilliseconds) ms")
        }
        guard let session = sessions.index(of: caller.connection), let id = machine.makeMirror(space, device, range)
        else { throw Failure(.cancelled, "the connection, the address space or the device has gone") }
        subscriptions.append(
            Subscription(
                connection: caller.connection, leaseMilliseconds: lease, acknowledgement: acknowledgement,
                isLegacy: isLegacy),
            id: id)
        sessions[session].mirrors.append(id)
        if sessions[session].isReadingPaused {
            // From now on its acknowledgements must get through.
            sessions[session].isReadingPaused = false
            effects.signal(.resumeReading(caller.connection))
        }
        return id
    }

    mutating func inject(_ inject: Inject, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        machine.injectFailures(try device(inject.device), inject.failedAllocations)
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" dev=", inject.device)
        effects.text.pair(" fail-alloc=", inject.failedAllocations)
        effects.text.endLine()
    }

    /// Returns what is left to do when the device's driver evicts it then.
    mutating func dropMirror(
        _ raw: UInt32, _ caller: Caller, _ now: Instant, _ effects: inout Effects
    ) throws(Failure) -> Operation? {
        let id = try ownMirror(raw, caller.connection)
        let device = machine.mirrors.index(of: id).map { machine.mirrors[$0].device }
        var waiting: [OperationID] = []
        if let session = sessions.index(of: caller.connection) {
            sessions[session].mirrors.removeAll { $0 == id }
            waiting = sessions[session].closeEvents(of: [id])
        }
        guard let device, machine.profile(of: device).evictsOnDrop else {
            effects.succeed(caller)
            endMirrors([id], waiting, now, &effects)
            return nil
        }
        endMirrors([id], waiting, now, &effects)
        return evictionAfterDrop(device, caller)
    }
}
