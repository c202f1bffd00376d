/// Device memory comes and goes.
extension Machine {
    /// Why a region was refused.
    public enum RegionRefusal: Error, Equatable, Sendable {
        case noDevice
        /// No free physical range is large enough. Kernel: -ERANGE of request_free_mem_region().
        case noRange
        /// Another region is there. Kernel: -EBUSY, or -ENOMEM of memremap_pages().
        case overlaps
        /// That is system memory, or no whole section. Kernel: -ENXIO.
        case notDeviceMemory
    }

    /// Gives a device memory, at the highest free physical range or at `first`. Kernel: memremap_pages();
    /// hmm_devmem_add() and hmm_devmem_add_resource() of 2017.
    public mutating func makeRegion(
        _ device: DeviceID, pages: UInt64, _ kind: Region.Kind = .devicePrivate, at first: UInt64? = nil
    ) throws(RegionRefusal) -> RegionID {
        guard let index = devices.index(of: device), pages > 0 else { throw .noDevice }
        guard
            let start = try first.map({ value throws(RegionRefusal) in try check(value, pages) })
                ?? highestFreeFrames(pages)
        else { throw .noRange }
        let id = regions.append(Region(device: device, kind: kind, zone: Zone(firstFrame: start, capacity: pages)))
        devices[index].regions.append(id)
        regionMap.insert(
            .init(start: start, end: start + pages, region: id, device: device, group: devices[index].group, kind: kind)
        )
        return id
    }

    private func check(_ first: UInt64, _ pages: UInt64) throws(RegionRefusal) -> UInt64 {
        let size = RegionMap.wholeSections(pages)
        guard first & 511 == 0, first >= PhysicalMemory.frameLimit / 2, size <= PhysicalMemory.frameLimit,
            first <= PhysicalMemory.frameLimit - size
        else { throw .notDeviceMemory }
        for entry in regionMap.entries where first < entry.endOfSections && entry.start < first + size {
            throw .overlaps
        }
        return first
    }

    /// The start of the highest run of free physical sections above system memory that holds `pages` frames.
    private func highestFreeFrames(_ pages: UInt64) -> UInt64? {
        guard pages <= PhysicalMemory.frameLimit / 2 else { return nil }
        let size = RegionMap.wholeSections(pages)
        var end = PhysicalMemory.frameLimit
        for entry in regionMap.entries.reversed() {
            if entry.endOfSections + size <= end { return end - size }
            end = entry.start
        }
        return PhysicalMemory.frameLimit / 2 + size <= end ? end - size : nil
    }

    /// Frames of all regions together.
    public var promisedFrames: UInt64 { regionMap.entries.reduce(0) { $0 + $1.end - $1.start } }

    /// Takes an empty region away; false, with nothing done, when frames of it are in use. Kernel: memunmap_pages().
    public mutating func removeRegion(_ id: RegionID) -> Bool {
        guard let position = regions.index(of: id) else { return true }
        guard regions[position].used == 0 else { return false }
        if let device = devices.index(of: regions[position].device) { devices[device].regions.removeAll { $0 == id } }
        regionMap.remove(id)
        _ = regions.remove(id)
        return true
    }

    /// Takes a device without regions and mirrors away.
    public mutating func removeDevice(_ id: DeviceID) { _ = devices.remove(id) }

    /// The region that a device frame belongs to.
    public func region(of frame: FrameNumber) -> RegionID? { regionMap[frame]?.region }

    /// The device that owns a device frame.
    @inline(__always)
    public func device(of frame: FrameNumber) -> DeviceID? { regionMap[frame]?.device }

    /// The group of devices that use a device frame as their own.
    @inline(__always)
    func group(of frame: FrameNumber) -> UInt32? { regionMap[frame]?.group }

    func group(of device: DeviceID) -> UInt32? { devices.index(of: device).map { devices[$0].group } }

    /// What an entry that maps `frame` is.
    func kind(of frame: FrameNumber) -> PageEntry.Kind {
        switch regionMap[frame]?.kind {
        case nil: .system
        case .devicePrivate: .devicePrivate
        case .coherent: .coherent
        }
    }

    public func profile(of device: DeviceID) -> DeviceProfile {
        devices.index(of: device).map { devices[$0].profile } ?? .standard
    }
}
