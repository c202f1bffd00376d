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
    public internal(set) var files = IDTable<FileID, FileObject>()
    public internal(set) var pins = IDTable<PinID, Pin>()
    /// Pages of all pins, each as often as it is pinned.
    public internal(set) var pinnedPages: UInt64 = 0
    var anonymousObjects = Slots<AnonymousObject>()
    var regionMap = RegionMap()
    /// Device frames whose last reference has gone since someone asked. Kernel: dev_pagemap_ops.page_free().
    public internal(set) var freedDeviceFrames: [FrameNumber] = []
    /// Files that nothing holds any more and that are not freed yet.
    var unusedFiles: [FileID] = []
    /// Frames that drivers have copied pages to and nothing maps yet.
    var stagedFrames: UInt64 = 0
    let tableNodes: NodeBudget
    /// Huge pages that hugetlb areas may reserve, and those reserved. Kernel: nr_hugepages.
    let hugePages: UInt64
    public internal(set) var hugePagesReserved: UInt64 = 0

    /// Work done so far, but for what `physical` has counted. See `Slice`.
    var counted: UInt64 = 0
    /// Steps end with `.more` once as much has been spent.
    var sliceEnd = UInt64.max

    /// Most frames that all regions may promise together.
    let regionFrames: UInt64
    /// Most regions that devices which grow may come to have.
    public var regionLimit = Int.max

    /// A machine whose frames in use, of all kinds, never exceed `frameLimit`.
    public init(frameLimit: UInt64, hugePages: UInt64 = 8, regionFrames: UInt64 = .max) {
        self.hugePages = hugePages
        self.regionFrames = regionFrames
        physical = PhysicalMemory(limit: frameLimit)
        tableNodes = NodeBudget(limit: Self.nodeLimit(frameLimit))
        system = Zone(
            firstFrame: PhysicalMemory.systemBase, capacity: PhysicalMemory.frameLimit / 2 - PhysicalMemory.systemBase)
    }

    /// Frames in use, of all kinds, do not grow past `limit` from now on; those that are in use stay.
    public mutating func setFrameLimit(_ limit: UInt64) {
        physical.limit = limit
        tableNodes.limit = Self.nodeLimit(limit)
    }

    /// Nodes of page tables do not grow past `limit` from now on, whatever the limit of frames says.
    package func setTableLimit(_ limit: UInt64) { tableNodes.limit = limit }

    /// Nodes of page tables in use.
    package var tableNodesUsed: UInt64 { tableNodes.used }

    /// One for every frame, however far apart their pages are, and some for tables without any.
    private static func nodeLimit(_ frames: UInt64) -> UInt64 { frames + 16384 }

    /// Some of what is numbered has had nearly every number there is.
    public var hasRunOutOfNumbers: Bool {
        spaces.hasRunOut || devices.hasRunOut || regions.hasRunOut || mirrors.hasRunOut || files.hasRunOut
            || pins.hasRunOut
    }

    // MARK: Making things

    public mutating func makeSpace() -> SpaceID { spaces.append(AddressSpace(tableNodes)) }

    public mutating func makeDevice(
        _ profile: DeviceProfile = .standard, chunk: UInt64? = nil, reportsFreed: Bool = false, umbrella: UInt32? = nil
    ) -> DeviceID {
        // Numbers of umbrellas are below those of devices that stand alone.
        let group = umbrella ?? (devices.nextID.rawValue | 1 << 31)
        return devices.append(Device(profile: profile, group: group, chunk: chunk, reportsFreed: reportsFreed))
    }

    /// Subscribes a device to a range of an address space. Nil when the space or the device is unknown.
    /// Kernel: mmu_interval_notifier_insert().
    public mutating func makeMirror(_ space: SpaceID, _ device: DeviceID, _ range: PageRange) -> MirrorID? {
        guard let index = spaces.index(of: space), devices.contains(device) else { return nil }
        // While invalidations run the mirror counts as covered by them: it must wait for their end.
        if spaces[index].activeInvalidations > 0 { spaces[index].sequence |= 1 }
        let sequence = spaces[index].sequence
        guard let owner = devices.index(of: device) else { return nil }
        let id = mirrors.append(
            Mirror(
                space: space, device: device, group: devices[owner].group, range: range,
                sequence: sequence & 1 == 1 ? sequence : sequence - 1, reach: devices[owner].profile.reach,
                table: PageTable(tableNodes, mayForget: true)))
        spaces[index].mirrors.insert(id, range)
        return id
    }

    /// Ends a subscription and frees the device's page table. Kernel: mmu_interval_notifier_remove().
    public mutating func dropMirror(_ id: MirrorID) { dropMirrors([id]) }

    /// The same for many, in ascending order.
    public mutating func dropMirrors(_ ids: [MirrorID]) {
        for id in ids {
            guard let position = mirrors.index(of: id) else { continue }
            let (space, range) = (mirrors[position].space, mirrors[position].range)
            if let index = spaces.index(of: space) { spaces[index].mirrors.remove(id, range) }
        }
        mirrors.remove(ascending: ids)
        spend(UInt64(ids.count) * 4 * Slice.mirror)
    }

    // MARK: Invalidation

    /// Begins an invalidation: which mirrors have to let go, in ascending order.
    /// Kernel: mmu_notifier_invalidate_range_start().
    public mutating func begin(_ invalidation: Invalidation) -> [MirrorID] {
        guard let index = spaces.index(of: invalidation.space) else { return [] }
        spaces[index].activeInvalidations += 1
        spend(Slice.announcement)
        if spaces[index].mirrors.isEmpty { return [] }
        var told: [MirrorID] = []
        let looked = spaces[index].mirrors.forEach(overlapping: invalidation.range) { told.append($0) }
        spend(UInt64(looked) * Slice.entry + UInt64(told.count) * Slice.mirror)
        if told.isEmpty { return [] }
        told.sort()
        spaces[index].sequence |= 1
        if !invalidation.exempt.isEmpty { told.removeAll { invalidation.exempt.contains(ascending: $0) } }
        for id in told {
            if let mirror = mirrors.index(of: id) { mirrors[mirror].sequence = spaces[index].sequence }
        }
        return told
    }

    /// Some mirror of an address space that has pages of `range` is one that `isMeant`.
    public func hasMirror(
        of space: SpaceID, overlapping range: PageRange, where isMeant: (MirrorID) -> Bool
    ) -> Bool {
        guard let index = spaces.index(of: space) else { return false }
        var found = false
        spaces[index].mirrors.forEach(overlapping: range) { if !found { found = isMeant($0) } }
        return found
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
}
