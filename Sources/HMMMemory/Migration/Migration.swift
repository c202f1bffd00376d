/// Moves the pages of a range to a device or to system memory, as many as can move.
/// Kernel: migrate_vma_setup(), migrate_vma_pages(), migrate_vma_finalize(), once for each area or batch.
public struct Migration: SteppedWork {
    /// What became of a page.
    public enum Outcome: Equatable, Sendable {
        case moved
        case stayed(Reason)
    }

    /// Why a page stayed.
    public enum Reason: UInt8, Sendable {
        case noSpace, alreadyThere, otherDevice, inSystemMemory, empty
        case pinned, exclusive, fileBacked, huge, migrating, notCopied
    }

    /// A run of pages with equal outcome and, where they moved, consecutive frames.
    public struct Run: Equatable, Sendable {
        public let start: Page
        public var count: UInt64
        public let outcome: Outcome
        public let frame: FrameNumber?

        public init(start: Page, count: UInt64, outcome: Outcome, frame: FrameNumber?) {
            self.start = start
            self.count = count
            self.outcome = outcome
            self.frame = frame
        }
    }

    public let space: SpaceID
    public let range: PageRange
    public let movement: Movement
    /// Most pages of one announcement.
    private let batch: UInt64
    /// The whole range is checked before anything moves.
    private let checksFirst: Bool
    public private(set) var runs: [Run] = []
    private var cursor: Page
    private var phase = Phase.begin
    private var farewell = Farewell()
    private var firstHole: Page?
    /// The part begins where a huge page could be.
    private var wantsHugeFrame = false
    private var pending: PageChange?

    private enum Phase: Equatable {
        case begin
        /// The part's MIGRATE event is out, or others are being told of its pages.
        case moving(PageRange)
        /// Its pages have moved; the event for its holes, from the first to the part's end, is out.
        case fillingHoles(PageRange)
    }

    public init(
        _ space: SpaceID, _ range: PageRange, _ movement: Movement, batch: UInt64 = .max, checksFirst: Bool = true
    ) {
        self.space = space
        self.range = range
        self.movement = movement
        self.batch = batch
        self.checksFirst = checksFirst
        cursor = range.start
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        // Where no table is left by now for a huge mapping, that stays as it is: the next look finds out.
        _ = machine.settle(&pending)
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        switch phase {
        case .begin:
            if checksFirst, let fault = check(range, machine.spaces[index].areas) { return .failed(fault) }
            return nextPart(machine, index)
        case .moving(let part):
            // A huge page is asked for first; when that fails small ones are taken. They are taken anyway.
            if wantsHugeFrame, case .device(let device) = movement.destination {
                _ = machine.takeInjectedFailure(device)
            }
            wantsHugeFrame = false
            if let step = move(&machine, index, part) { return step }
            if let hole = firstHole {
                let holes = PageRange(hole, part.end)
                phase = .fillingHoles(holes)
                return .invalidate(movement.notice(space, holes))
            }
            return nextPart(machine, index)
        case .fillingHoles(let holes):
            let end = machine.fillHoles(index, holes, movement)
            guard end == holes.end else {
                phase = .fillingHoles(PageRange(end, holes.end))
                return .more
            }
            return nextPart(machine, index)
        }
    }

    /// Gives up: pages on their way to holes are taken back, what has moved stays moved.
    public mutating func abandon(_ machine: inout Machine) {
        guard let hole = firstHole, let index = machine.spaces.index(of: space) else { return }
        machine.takeBackHoles(index, PageRange(hole, range.end))
        phase = .begin
    }

    private func check(_ range: PageRange, _ areas: borrowing AreaMap) -> MemoryFault? {
        guard let gap = areas.firstGap(in: range, { $0.isReadable && $0.isMigratable }) else { return nil }
        return MemoryFault(gap.area.map { $0.isReadable ? .wrongKind : .notMapped } ?? .notMapped, gap.page)
    }

    /// The announcement of the next part of an area, or the end.
    private mutating func nextPart(_ machine: borrowing Machine, _ index: Int) -> Step {
        firstHole = nil
        phase = .begin
        guard cursor < range.end else { return .done }
        if let fault = check(PageRange(cursor), machine.spaces[index].areas) { return .failed(fault) }
        guard let area = machine.spaces[index].areas.area(at: cursor) else { return .done }
        let most = batch < range.end - cursor ? cursor + batch : range.end
        let part = area.range.clamped(to: PageRange(cursor, most))
        wantsHugeFrame = area.advice.contains(.hugePage) && cursor.number & 511 == 0
        phase = .moving(part)
        return .invalidate(movement.notice(space, part))
    }

    /// Moves pages of a part; a step where somebody has to be told first.
    private mutating func move(_ machine: inout Machine, _ index: Int, _ part: PageRange) -> Step? {
        guard let area = machine.spaces[index].areas.area(at: part.start) else { return nil }
        while cursor < part.end {
            guard let piece = machine.spaces[index].table.nextLeaf(from: cursor, before: part.end) else {
                return skip(&machine, index, area, PageRange(cursor, part.end))
            }
            if let step = skip(&machine, index, area, PageRange(cursor, piece.start)) { return step }
            let end = piece.start + UInt64(piece.count)
            while cursor < end {
                if machine.isSliceSpent { return .more }
                machine.spend(Slice.entry)
                if let step = moveOne(&machine, index, area, end) { return step }
            }
        }
        return nil
    }

    /// Pages where nothing is at all.
    private mutating func skip(_ machine: inout Machine, _ index: Int, _ area: Area, _ holes: PageRange) -> Step? {
        guard !holes.isEmpty else { return nil }
        if area.kind == .anonymous {
            cursor = machine.reserveHoles(index, holes, movement, &runs, &firstHole)
        } else {
            runs.record(holes.start, holes.count, .stayed(.empty))
            cursor = holes.end
        }
        return cursor < holes.end ? .more : nil
    }

    private mutating func moveOne(_ machine: inout Machine, _ index: Int, _ area: Area, _ end: Page) -> Step? {
        let entry = machine.spaces[index].table[cursor]
        let page = cursor
        switch machine.verdict(entry, area, movement) {
        case .hole: _ = machine.reserveHoles(index, PageRange(page), movement, &runs, &firstHole)
        case .stays(let reason): runs.record(page, 1, .stayed(reason))
        case .stuck(let reason):
            runs.record(page, end - page, .stayed(reason))
            cursor = end
            return nil
        case .splitZero: return machine.split(space, page, &pending)
        case .split(let head):
            if let part = farewell.nextPart(head, &machine) { return .invalidate(machine.splitNotice(part)) }
            machine.splitHugePage(head)
            farewell.end()
            return nil
        case .candidate(let frame):
            let here = Place(space: space, page: page)
            if let place = farewell.next(frame, taken: here, &machine) { return .invalidate(machine.farewell(place)) }
            let (outcome, new) = machine.move(frame, movement, here: here)
            if outcome == .moved {
                machine.update(index, movement.exempt, page, tableEntry(machine.spaces[index].table[page]))
            }
            runs.record(page, 1, outcome, new)
        }
        farewell.end()
        cursor = page + 1
        return nil
    }

    /// What the driver that runs the migration has in its table for a page that moved.
    private func tableEntry(_ entry: PageEntry) -> PageEntry {
        if case .device = movement.destination { entry } else { .none }
    }

    /// Pages elsewhere that have been announced and not changed yet.
    public var told: [Place] { farewell.places }

    /// Pages that moved.
    public var movedCount: UInt64 { runs.reduce(0) { $1.outcome == .moved ? $0 + $1.count : $0 } }
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
