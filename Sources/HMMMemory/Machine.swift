/// The memory of one tenant: page frames, devices, address spaces and the mirrors between them.
///
/// Operations that must tell mirrors before they change anything (`CPUAccess`, `RangeFault`, `Migration`, …) are values
/// that are stepped: a step changes what it may and stops at the next invalidation to announce.
public struct Machine: ~Copyable {
    public internal(set) var physical: PhysicalMemory
    var system: Zone
    public internal(set) var spaces = IDTable<SpaceID, AddressSpace>()
    public internal(set) var devices = IDTable<DeviceID, Device>()
    public internal(set) var regions = IDTable<RegionID, Region>()
    public internal(set) var mirrors = IDTable<MirrorID, Mirror>()
    let tableNodes: NodeBudget

    /// A machine whose frames in use, of all kinds, never exceed `frameLimit`.
    public init(frameLimit: UInt64) {
        physical = PhysicalMemory(limit: frameLimit)
        // One for every frame, however far apart their pages are, and some for tables without any.
        tableNodes = NodeBudget(limit: frameLimit + 16384)
        system = Zone(
            firstFrame: PhysicalMemory.systemBase, capacity: PhysicalMemory.frameLimit / 2 - PhysicalMemory.systemBase)
    }

    // MARK: Making things

    public mutating func makeSpace() -> SpaceID { spaces.append(AddressSpace(tableNodes)) }

    public mutating func makeDevice() -> DeviceID { devices.append(Device()) }

    /// Gives a device private memory at the highest free physical range. Nil when there is none of that size.
    /// Kernel: request_free_mem_region() and memremap_pages(); hmm_devmem_add() of 2017.
    public mutating func makeRegion(_ device: DeviceID, pages: UInt64) -> RegionID? {
        guard let index = devices.index(of: device), pages > 0, let first = highestFreeFrames(pages) else { return nil }
        let region = regions.append(Region(device: device, zone: Zone(firstFrame: first, capacity: pages)))
        devices[index].regions.append(region)
        return region
    }

    /// The start of the highest run of free physical sections above system memory that holds `pages` frames.
    private func highestFreeFrames(_ pages: UInt64) -> UInt64? {
        guard pages <= PhysicalMemory.frameLimit / 2 else { return nil }
        let size = (pages + 511) & ~511
        var taken: [(start: UInt64, end: UInt64)] = []
        for index in 0..<regions.count {
            let start = regions[index].firstFrame.number
            taken.append((start, start + (regions[index].capacity + 511) & ~511))
        }
        taken.sort { $0.start > $1.start }
        var end = PhysicalMemory.frameLimit
        for range in taken {
            if range.end + size <= end { return end - size }
            end = range.start
        }
        return PhysicalMemory.frameLimit / 2 + size <= end ? end - size : nil
    }

    /// Subscribes a device to a range of an address space. Nil when the space or the device is unknown.
    /// Kernel: mmu_interval_notifier_insert().
    public mutating func makeMirror(_ space: SpaceID, _ device: DeviceID, _ range: PageRange) -> MirrorID? {
        guard let index = spaces.index(of: space), devices.contains(device) else { return nil }
        // While invalidations run the mirror counts as covered by them: it must wait for their end.
        if spaces[index].activeInvalidations > 0 { spaces[index].sequence |= 1 }
        let sequence = spaces[index].sequence
        let id = mirrors.append(
            Mirror(
                space: space, device: device, range: range,
                sequence: sequence & 1 == 1 ? sequence : sequence - 1,
                table: PageTable(tableNodes, mayForget: true)))
        spaces[index].mirrors.append(id)
        return id
    }

    /// Ends a subscription and frees the device's page table. Kernel: mmu_interval_notifier_remove().
    public mutating func dropMirror(_ id: MirrorID) {
        guard let mirror = mirrors.remove(id) else { return }
        if let index = spaces.index(of: mirror.space) { spaces[index].mirrors.removeAll { $0 == id } }
    }

    // MARK: Invalidation

    /// Begins an invalidation: which mirrors have to let go, in ascending order. `exempt` mirrors are not told, because
    /// their driver is the one that asks. Kernel: mmu_notifier_invalidate_range_start().
    public mutating func begin(_ invalidation: Invalidation, exempt: [MirrorID] = []) -> [MirrorID] {
        guard let index = spaces.index(of: invalidation.space) else { return [] }
        spaces[index].activeInvalidations += 1
        if spaces[index].mirrors.isEmpty { return [] }
        var told: [MirrorID] = []
        for id in spaces[index].mirrors {
            guard let mirror = mirrors.index(of: id), mirrors[mirror].range.overlaps(invalidation.range) else {
                continue
            }
            spaces[index].sequence |= 1
            if exempt.contains(id) { continue }
            mirrors[mirror].sequence = spaces[index].sequence
            told.append(id)
        }
        return told
    }

    /// A mirror has let go of what an invalidation named: its device's translations there are gone.
    public mutating func letGo(_ id: MirrorID, _ range: PageRange) {
        guard let index = mirrors.index(of: id) else { return }
        mirrors[index].forget(range)
    }

    /// Ends an invalidation. Kernel: mmu_notifier_invalidate_range_end().
    public mutating func end(_ invalidation: Invalidation) {
        guard let index = spaces.index(of: invalidation.space) else { return }
        spaces[index].activeInvalidations -= 1
        if spaces[index].activeInvalidations == 0, spaces[index].sequence & 1 == 1 { spaces[index].sequence += 1 }
    }

    // MARK: Frames

    /// A frame of system memory, or nil at the limit; its bytes are undefined.
    mutating func allocateSystem(replacing: Bool = false) -> FrameNumber? {
        physical.allocate(&system, replacing: replacing)
    }

    /// A frame of a device's first region that has one, or nil; its bytes are undefined.
    mutating func allocate(on device: DeviceID, replacing: Bool = false) -> FrameNumber? {
        guard let index = devices.index(of: device) else { return nil }
        for region in devices[index].regions {
            guard let position = regions.index(of: region) else { continue }
            if let frame = physical.allocate(&regions[position].zone, replacing: replacing) { return frame }
        }
        return nil
    }

    /// Records that a page of a space maps a frame.
    @inline(__always)
    mutating func map(_ frame: FrameNumber, _ space: SpaceID, _ page: Page) {
        let metadata = physical.frame(frame)
        metadata.pointee.mappings += 1
        metadata.pointee.space = space
        metadata.pointee.page = page
    }

    /// Takes a mapping of a frame away, and the reference that came with it; the last reference frees the frame.
    mutating func unmap(_ frame: FrameNumber) {
        physical.frame(frame).pointee.mappings -= 1
        release(frame)
    }

    /// Drops a reference; the last one gives the frame back to where it came from.
    mutating func release(_ frame: FrameNumber) {
        if frame.number < PhysicalMemory.frameLimit / 2 {
            physical.release(frame, &system)
        } else if let region = region(of: frame), let index = regions.index(of: region) {
            physical.release(frame, &regions[index].zone)
        }
    }

    /// The region that a device frame belongs to.
    public func region(of frame: FrameNumber) -> RegionID? {
        for index in 0..<regions.count where regions[index].contains(frame) { return regions.id(at: index) }
        return nil
    }

    /// The device that owns a device frame.
    @inline(__always)
    public func device(of frame: FrameNumber) -> DeviceID? {
        for index in 0..<regions.count where regions[index].contains(frame) { return regions[index].device }
        return nil
    }
}
