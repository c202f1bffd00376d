/// The number of an object of one kind within a machine: ascending from 1, never used again.
public protocol Identifier: Hashable, Sendable, Comparable {
    var rawValue: UInt32 { get }
    init(rawValue: UInt32)
}

extension Identifier {
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// An address space. Kernel: `struct mm_struct`.
public struct SpaceID: Identifier {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A simulated device.
public struct DeviceID: Identifier {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A piece of device memory. Kernel: `struct dev_pagemap`.
public struct RegionID: Identifier {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A device's view of an address space. Kernel: `struct mmu_interval_notifier` with its shadow page table.
public struct MirrorID: Identifier {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A file. Kernel: `struct inode`.
public struct FileID: Identifier {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// Frames that someone does I/O on. Kernel: the pages of pin_user_pages().
public struct PinID: Identifier {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}
