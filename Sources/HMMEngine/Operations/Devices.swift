internal import HMMMemory
internal import HMMProtocol

/// Devices, their regions and their mirrors: `dev.create`, `dev.list`, `region.create`, `mirror`, `mirror.drop`.
extension Engine {
    func deviceName(_ id: DeviceID) -> ShortName {
        let index = Int(id.rawValue) - 1
        return index < deviceNames.count ? deviceNames[index] : .none
    }

    /// The device called `name`.
    func device(_ name: ShortName) throws(Failure) -> DeviceID {
        guard let index = deviceNames.firstIndex(of: name) else {
            throw Failure(.noDevice, "there is no device `\(name)`; `dev.list` shows them")
        }
        return DeviceID(rawValue: UInt32(index + 1))
    }

    mutating func createDevice(_ create: DeviceCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        guard !deviceNames.contains(create.device) else {
            throw Failure(.exists, "there is a device `\(create.device)` already")
        }
        guard deviceNames.count < limits.devices else { throw over("devices", limits.devices) }
        _ = machine.makeDevice()
        deviceNames.append(create.device)
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" dev=", create.device)
        effects.text.endLine()
    }

    func listDevices(_ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        var rows: UInt64 = 0
        for index in 0..<machine.devices.count {
            let name = deviceName(machine.devices.id(at: index))
            let regions = machine.devices[index].regions
            if regions.isEmpty {
                effects.text.beginRow(caller.tag)
                effects.text.pair(" dev=", name)
                effects.text.endLine()
                rows += 1
            }
            for region in regions {
                guard let position = machine.regions.index(of: region) else { continue }
                effects.text.beginRow(caller.tag)
                append(region, machine.regions[position], name, &effects)
                effects.text.pair(" used=", machine.regions[position].used)
                effects.text.endLine()
                rows += 1
            }
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", rows)
        effects.text.endLine()
    }

    private func append(_ id: RegionID, _ region: Region, _ name: ShortName, _ effects: inout Effects) {
        effects.text.pair(" region=", UInt64(id.rawValue))
        effects.text.pair(" dev=", name)
        effects.text.append(" kind=private")
        effects.text.pair(" pfn=", hex: region.firstFrame.number)
        effects.text.pair(" pages=", region.capacity)
    }

    /// Device memory promised by all regions, in bytes.
    var regionBytes: UInt64 {
        var frames: UInt64 = 0
        for index in 0..<machine.regions.count { frames += machine.regions[index].capacity }
        return frames * UInt64(PageSize.bytes)
    }

    mutating func createRegion(_ create: RegionCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let device = try device(create.device)
        guard machine.regions.count < limits.regions else { throw over("regions", limits.regions) }
        guard create.length <= limits.regionBytes, regionBytes + create.length <= limits.regionBytes else {
            throw Failure(.limit, "the tenant's regions may have \(limits.regionBytes) bytes together")
        }
        let pages = create.length / UInt64(PageSize.bytes)
        guard let id = machine.makeRegion(device, pages: pages), let index = machine.regions.index(of: id) else {
            throw Failure(.outOfMemory, "no free physical range is large enough")
        }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        append(id, machine.regions[index], create.device, &effects)
        effects.text.endLine()
    }

    // MARK: Mirrors

    mutating func createMirror(_ create: MirrorCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let space = try space(create.space)
        let device = try device(create.device)
        guard subscriptions.count < limits.mirrors else { throw over("mirrors", limits.mirrors) }
        guard create.leaseMilliseconds <= limits.leaseMilliseconds else {
            throw Failure(.badArgument, "a lease is at most \(limits.leaseMilliseconds) ms")
        }
        let range = PageRange(touching: create.extent.va, length: create.extent.length)
        guard let session = sessions.index(of: caller.connection),
            let id = machine.makeMirror(space, device, range), let index = machine.mirrors.index(of: id)
        else { return }
        subscriptions.append(
            Subscription(
                connection: caller.connection, leaseMilliseconds: create.leaseMilliseconds,
                acknowledgement: create.acknowledgement),
            id: id)
        sessions[session].mirrors.append(id)
        if sessions[session].isReadingPaused {
            // From now on its acknowledgements must get through.
            sessions[session].isReadingPaused = false
            effects.signal(.resumeReading(caller.connection))
        }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" mirror=", UInt64(id.rawValue))
        effects.text.pair(" seq=", machine.mirrors[index].sequence)
        effects.text.pair(" lease=", create.leaseMilliseconds)
        effects.text.endLine()
    }

    mutating func dropMirror(
        _ drop: MirrorDrop, _ caller: Caller, _ now: Instant, _ effects: inout Effects
    ) throws(Failure) {
        let id = try ownMirror(drop.mirror, caller.connection)
        if let session = sessions.index(of: caller.connection) {
            sessions[session].mirrors.removeAll { $0 == id }
            sessions[session].openEvents.removeAll { $0.mirror == id }
        }
        effects.succeed(caller)
        endMirror(id, now, &effects)
    }
}
