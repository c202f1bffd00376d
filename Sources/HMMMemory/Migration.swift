/// Moves the pages of a range to a device or to system memory, as many as can move.
/// Kernel: migrate_vma_setup(), migrate_vma_pages(), migrate_vma_finalize(), once for each area.
public struct Migration: Equatable, Sendable {
    public enum Destination: Equatable, Sendable {
        case device(DeviceID)
        /// System memory, for pages of this device or, with nil, of every device.
        case system(from: DeviceID?)
    }

    /// What became of a page.
    public enum Outcome: Equatable, Sendable {
        case moved
        case stayed(Reason)
    }

    /// Why a page stayed.
    public enum Reason: UInt8, Sendable {
        case noSpace, alreadyThere, otherDevice, inSystemMemory, empty
    }

    /// A run of pages with equal outcome and, where they moved, consecutive frames.
    public struct Run: Equatable, Sendable {
        public let start: Page
        public var count: UInt64
        public let outcome: Outcome
        public let frame: FrameNumber?
    }

    public let space: SpaceID
    public let range: PageRange
    public let destination: Destination
    /// Mirrors of the moving device whose driver runs the migration: they are not told, their tables are kept right.
    public let exempt: [MirrorID]
    public private(set) var runs: [Run] = []
    private var cursor: Page
    private var phase = Phase.begin

    private enum Phase: Equatable {
        case begin
        /// The area's MIGRATE event is out.
        case announced(PageRange)
        /// Its pages have moved; the event for its holes, from the first to the area's end, is out.
        case fillingHoles(PageRange)
    }

    public init(_ space: SpaceID, _ range: PageRange, to destination: Destination, exempt: [MirrorID]) {
        self.space = space
        self.range = range
        self.destination = destination
        self.exempt = exempt
        cursor = range.start
    }

    /// The device on whose behalf pages move. Kernel: pgmap_owner.
    private var owner: DeviceID? {
        switch destination {
        case .device(let device): device
        case .system(let device): device
        }
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        switch phase {
        case .begin:
            // Everything is checked before the first announcement; the range is the migration's own from then on.
            if let gap = machine.spaces[index].areas.firstGap(in: range, { $0.isReadable }) {
                return .failed(MemoryFault(.notMapped, gap.page))
            }
            return nextArea(machine, index)
        case .announced(let part):
            if let hole = machine.move(index, part, self.context, &runs) {
                let holes = PageRange(hole, part.end)
                phase = .fillingHoles(holes)
                return .invalidate(Invalidation(space, holes, .migrate, owner: owner))
            }
            cursor = part.end
            return nextArea(machine, index)
        case .fillingHoles(let holes):
            machine.fillHoles(index, holes, context)
            cursor = holes.end
            return nextArea(machine, index)
        }
    }

    /// Gives up: pages on their way to holes are taken back, what has moved stays moved.
    public mutating func abandon(_ machine: inout Machine) {
        guard case .fillingHoles(let holes) = phase, let index = machine.spaces.index(of: space) else { return }
        machine.takeBackHoles(index, holes)
        phase = .begin
    }

    /// The announcement of the next area, or the end.
    private mutating func nextArea(_ machine: borrowing Machine, _ index: Int) -> Step {
        phase = .begin
        guard cursor < range.end else { return .done }
        guard let area = machine.spaces[index].areas.area(at: cursor) else { return .done }
        let part = area.range.clamped(to: PageRange(cursor, range.end))
        phase = .announced(part)
        return .invalidate(Invalidation(space, part, .migrate, owner: owner))
    }

    /// Pages that moved.
    public var movedCount: UInt64 { runs.reduce(0) { $1.outcome == .moved ? $0 + $1.count : $0 } }

    var context: Context { Context(space: space, destination: destination, exempt: exempt) }

    /// What moving a page has to know.
    struct Context {
        let space: SpaceID
        let destination: Destination
        let exempt: [MirrorID]
    }
}

extension [Migration.Run] {
    /// Adds the outcome of a page or of many, as part of the last run where it continues it.
    mutating func record(_ start: Page, _ count: UInt64, _ outcome: Migration.Outcome, _ frame: FrameNumber? = nil) {
        guard count > 0 else { return }
        if let last, last.outcome == outcome, last.start + last.count == start, continues(last, frame) {
            self[self.count - 1].count += count
        } else {
            append(Migration.Run(start: start, count: count, outcome: outcome, frame: frame))
        }
    }

    private func continues(_ run: Migration.Run, _ frame: FrameNumber?) -> Bool {
        guard let first = run.frame, let frame else { return run.frame == nil && frame == nil }
        return first.number + run.count == frame.number
    }
}
