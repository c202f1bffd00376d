/// A simulated device: it owns regions of memory, and mirrors address spaces.
public struct Device: Sendable {
    public let profile: DeviceProfile
    /// Devices of one group use one another's memory as their own. Kernel: pgmap_owner; the pseudo device of
    /// hmm_device_new() in 2017.
    public let group: UInt32
    public internal(set) var regions: [RegionID] = []
    /// Frames by which it grows when it is full; nil when its capacity is fixed.
    public let chunk: UInt64?
    /// Someone wants to know of pages whose last reference goes. Kernel: dev_pagemap_ops.page_free().
    public let reportsFreed: Bool
    /// Allocations for migrations that are made to fail. Kernel: HMM_DMIRROR_FLAG_FAIL_ALLOC.
    var failedAllocations: UInt64 = 0
}

/// A piece of device memory at a physical range of its own. Kernel: `struct dev_pagemap`.
public struct Region: Sendable {
    public enum Kind: UInt8, Sendable {
        /// The CPU cannot address it. Kernel: MEMORY_DEVICE_PRIVATE.
        case devicePrivate
        /// The CPU can. Kernel: MEMORY_DEVICE_COHERENT, which takes the place of MEMORY_DEVICE_PUBLIC of 2017.
        case coherent
    }

    public let device: DeviceID
    public let kind: Kind
    var zone: Zone

    public var firstFrame: FrameNumber { zone.firstFrame }
    /// Frames it has.
    public var capacity: UInt64 { zone.capacity }
    /// Frames in use.
    public var used: UInt64 { zone.used }
}

/// The regions of a machine by where they are.
struct RegionMap: Sendable {
    struct Entry: Sendable {
        let start: UInt64
        let end: UInt64
        let region: RegionID
        let device: DeviceID
        let group: UInt32
        let kind: Region.Kind

        /// One past its last section.
        var endOfSections: UInt64 { start + RegionMap.wholeSections(end - start) }
    }

    /// Frames of the sections that so many frames take.
    static func wholeSections(_ frames: UInt64) -> UInt64 { (frames + 511) & ~511 }

    private(set) var entries: [Entry] = []

    mutating func insert(_ entry: Entry) {
        entries.insert(entry, at: entries.firstIndex { $0.start > entry.start } ?? entries.count)
    }

    mutating func remove(_ region: RegionID) { entries.removeAll { $0.region == region } }

    @inline(__always)
    subscript(frame: FrameNumber) -> Entry? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].end <= frame.number { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].start <= frame.number ? entries[low] : nil
    }
}
