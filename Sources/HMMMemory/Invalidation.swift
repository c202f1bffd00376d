/// Why translations of a range stop being true. Kernel: `enum mmu_notifier_event`.
public enum InvalidationReason: UInt8, Sendable, CaseIterable {
    case unmap, clear, protectionVMA, protectionPage, softDirty, release, migrate, exclusive
}

/// An announcement that must reach every overlapping mirror before a change. Kernel: `struct mmu_notifier_range`.
public struct Invalidation: Equatable, Sendable {
    public let space: SpaceID
    public let range: PageRange
    public let reason: InvalidationReason
    /// The device on whose behalf pages move; only with `.migrate`.
    public let owner: DeviceID?

    public init(_ space: SpaceID, _ range: PageRange, _ reason: InvalidationReason, owner: DeviceID? = nil) {
        self.space = space
        self.range = range
        self.reason = reason
        self.owner = owner
    }
}

/// The outcome of one step of an operation.
public enum Step: Equatable, Sendable {
    /// The operation is complete.
    case done
    /// Announce this; when every mirror has let go, step again.
    case invalidate(Invalidation)
    /// The operation cannot go on.
    case failed(MemoryFault)
}

/// Why an access or an operation failed, and where.
public struct MemoryFault: Error, Equatable, Sendable {
    public enum Cause: Sendable {
        /// No area, or one that the access cannot use. CPU: SIGSEGV. Device: -EFAULT.
        case notMapped
        /// The area does not permit writing. Device: -EPERM.
        case notWritable
        /// The device's own page is read-only, which a device fault does not change.
        case readOnlyOnDevice
        /// The limit of frames in use.
        case limit
        /// The address space, the mirror or the device has gone.
        case gone
    }

    public let cause: Cause
    public let page: Page

    public init(_ cause: Cause, _ page: Page) {
        self.cause = cause
        self.page = page
    }
}
