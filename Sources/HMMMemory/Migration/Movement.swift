/// What moving pages has to know. Kernel: `struct migrate_vma`.
public struct Movement: Equatable, Sendable {
    public enum Destination: Equatable, Sendable {
        case device(DeviceID)
        case system
    }

    /// The memory that takes part. Kernel: MIGRATE_VMA_SELECT_*.
    public struct Sources: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let system = Sources(rawValue: 1)
        public static let devicePrivate = Sources(rawValue: 2)
        public static let coherent = Sources(rawValue: 4)
        public static let device: Sources = [.devicePrivate, .coherent]
    }

    public let destination: Destination
    public let sources: Sources
    /// Only this device's memory leaves devices; nil means every device's. Kernel: pgmap_owner.
    public let from: DeviceID?
    /// Mirrors of the moving device that are not told, in ascending order: their tables are kept right.
    public let exempt: [MirrorID]

    public init(to destination: Destination, sources: Sources, from: DeviceID?, exempt: [MirrorID]) {
        self.destination = destination
        self.sources = sources
        self.from = from
        self.exempt = exempt
    }

    /// The device on whose behalf pages move.
    public var owner: DeviceID? {
        if case .device(let device) = destination { device } else { from }
    }

    /// What is announced of a range in which pages are to move.
    func notice(_ space: SpaceID, _ range: PageRange) -> Invalidation {
        Invalidation(space, range, .migrate, owner: owner, exempt: exempt)
    }
}

/// What is to be done with a page that may move. Kernel: what migrate_vma_collect_pmd() decides.
enum MoveVerdict: Equatable {
    case hole(wasZero: Bool)
    case candidate(FrameNumber)
    case stays(Migration.Reason)
    /// The huge zero page has to become small ones first.
    case splitZero
    /// The huge page has to become small ones first.
    case split(FrameNumber)
    /// Its huge mapping cannot be split: neither it nor the others up to the end of the table can move.
    case stuck(Migration.Reason)
}

extension Machine {
    /// What a migration does with the page that `entry` is of.
    func verdict(_ entry: PageEntry, _ area: Area, _ movement: Movement) -> MoveVerdict {
        switch entry.kind {
        case .none: return area.kind == .anonymous ? .hole(wasZero: false) : .stays(.empty)
        case .zero:
            if entry.isHuge { return tableNodes.isSpent ? .stuck(.noSpace) : .splitZero }
            return movement.sources.contains(.system) ? .hole(wasZero: true) : .stays(.empty)
        case .exclusive: return .stays(.exclusive)
        case .migrating: return .stays(.migrating)
        case .system, .coherent, .devicePrivate: break
        }
        if entry.isHuge {
            let head = Self.head(entry.frame)
            if isHugePageUsed(head) { return .stuck(.pinned) }
            return hasTables(splitting: head) ? .split(head) : .stuck(.noSpace)
        }
        if let reason = selection(entry, movement) { return .stays(reason) }
        let frame = physical.frame(entry.frame).pointee
        if frame.isLarge { return .stays(.huge) }
        if frame.object == 0 { return .stays(.fileBacked) }
        if frame.isLocked { return .stays(.migrating) }
        if frame.isExclusivelyOwned, frame.pins > 0 { return .stays(.pinned) }
        return .candidate(entry.frame)
    }

    /// Why the memory of an entry takes no part; nil when it does.
    private func selection(_ entry: PageEntry, _ movement: Movement) -> Migration.Reason? {
        guard let owner = device(of: entry.frame) else {
            return movement.sources.contains(.system) ? nil : .inSystemMemory
        }
        if case .device(owner) = movement.destination { return .alreadyThere }
        let source: Movement.Sources = entry.kind == .coherent ? .coherent : .devicePrivate
        guard movement.sources.contains(source),
            movement.from == nil || movement.from == owner
                || movement.from.flatMap({ group(of: $0) }) == group(of: entry.frame)
        else {
            return .otherDevice
        }
        return nil
    }

    /// Moves a candidate of which everyone has been told.
    mutating func move(
        _ frame: FrameNumber, _ movement: Movement, here: Place? = nil
    ) -> (Migration.Outcome, FrameNumber?) {
        if isUsedOtherwise(frame) { return (.stayed(.pinned), nil) }
        let new: FrameNumber?
        switch movement.destination {
        case .system: new = takeInjectedFailure(movement.from) ? nil : allocateSystem(replacing: true)
        case .device(let device):
            guard physical.frame(frame).pointee.isAnonymous else { return (.stayed(.fileBacked), nil) }
            new = allocate(on: device, replacing: true)
        }
        guard let new else { return (.stayed(.noSpace), nil) }
        replaceEverywhere(frame, by: new, here: here)
        if let runner = movement.exempt.first { physical.frame(new).pointee.allocator = runner }
        return (.moved, new)
    }

    /// Keeps the device tables of the mirrors whose driver runs the migration right: they are told nothing.
    mutating func update(_ index: Int, _ exempt: [MirrorID], _ page: Page, _ entry: PageEntry) {
        if exempt.isEmpty { return }
        let candidates = spaces[index].mirrors
        let looked = candidates.forEach(overlapping: PageRange(page)) { id in
            spend(Slice.mirror)
            guard exempt.contains(ascending: id), let mirror = mirrors.index(of: id) else { return }
            mirrors[mirror].table.set(page, entry)
        }
        spend(UInt64(looked) * Slice.entry)
    }
}
