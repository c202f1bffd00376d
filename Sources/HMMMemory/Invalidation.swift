/// Why translations of a range stop being true. Kernel: `enum mmu_notifier_event`.
public enum InvalidationReason: UInt8, Sendable, CaseIterable {
    case unmap, clear, protectionVMA, protectionPage, softDirty, release, migrate, exclusive
}

/// An announcement that must reach every overlapping mirror before a change. Kernel: `struct mmu_notifier_range`.
public struct Invalidation: Equatable, Sendable {
    public let space: SpaceID
    public let range: PageRange
    public let reason: InvalidationReason
    /// The device on whose behalf it is; only with `.migrate` and `.exclusive`.
    public let owner: DeviceID?
    /// Mirrors that are not told, in ascending order: their driver is the one that asks, and keeps their tables right.
    public let exempt: [MirrorID]
    /// Mirrors may be waited for. Kernel: MMU_NOTIFIER_RANGE_BLOCKABLE.
    public let isBlockable: Bool

    public init(
        _ space: SpaceID, _ range: PageRange, _ reason: InvalidationReason, owner: DeviceID? = nil,
        exempt: [MirrorID] = [], isBlockable: Bool = true
    ) {
        self.space = space
        self.range = range
        self.reason = reason
        self.owner = owner
        self.exempt = exempt
        self.isBlockable = isBlockable
    }
}

/// Pages of an address space.
public struct Hold: Hashable, Sendable {
    public let space: SpaceID
    public let range: PageRange

    public init(space: SpaceID, range: PageRange) {
        self.space = space
        self.range = range
    }
}

/// The outcome of one step of an operation.
public enum Step: Equatable, Sendable {
    /// The operation is complete.
    case done
    /// Announce this; when every mirror has let go, step again.
    case invalidate(Invalidation)
    /// Much has been done: step again after others have had their turn. Of this machine nobody else may come between.
    case more
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
        /// A page of a file past its end. CPU: SIGBUS. Device: -EFAULT.
        case beyondEnd
        /// The area is of a kind that the operation refuses. Kernel: -EINVAL.
        case wrongKind
        /// The page cannot be had exclusively. Kernel: -EBUSY.
        case notExclusive
        /// A page did not move and the device cannot reach it. Kernel: -ENOENT of the test driver.
        case stayed
        /// A page cannot move because someone does I/O on it. Kernel: -EBUSY.
        case pinned
        /// The operation says why itself.
        case refused
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

/// Work that is done step by step, with announcements between the steps.
public protocol SteppedWork: Equatable, Sendable {
    /// Goes on up to the next announcement, to the end, or until the machine's slice is spent.
    mutating func step(_ machine: inout Machine) -> Step
}

/// Work that holds its pages only while it waits for an announcement, and begins anew after it.
public protocol RestartedWork: SteppedWork {
    /// Makes the change that was announced; a step when there is more to announce, or it failed.
    mutating func restart(_ machine: inout Machine) -> Step?
    /// Pages elsewhere that have been announced and not changed yet.
    var told: [Place] { get }
    /// Its own pages that are on their way back from a device.
    var returning: Hold? { get }
}
