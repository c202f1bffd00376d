/// A simulated device: it owns regions of memory, and mirrors address spaces.
public struct Device: Sendable {
    public internal(set) var regions: [RegionID] = []
}

/// A piece of device memory at a physical range of its own. Kernel: `struct dev_pagemap`, MEMORY_DEVICE_PRIVATE.
public struct Region: Sendable {
    public let device: DeviceID
    var zone: Zone

    public var firstFrame: FrameNumber { zone.firstFrame }
    /// Frames it has.
    public var capacity: UInt64 { zone.capacity }
    /// Frames in use.
    public var used: UInt64 { zone.used }

    func contains(_ frame: FrameNumber) -> Bool {
        frame.number >= firstFrame.number && frame.number - firstFrame.number < capacity
    }
}
