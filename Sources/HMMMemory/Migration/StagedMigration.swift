/// A migration that a driver takes through its steps itself. Kernel: migrate_vma_setup(), then the driver's own
/// copying, then migrate_vma_pages() and migrate_vma_finalize().
///
/// Between the steps nobody can use the pages: their entries are `migrating` in every address space.
public struct StagedMigration: SteppedWork {
    /// What is known of one page.
    public struct Staged: Equatable, Sendable {
        public enum Source: Equatable, Sendable {
            /// Nothing is there, or the zero page.
            case hole
            case frame(FrameNumber, writable: Bool)
            case none(Migration.Reason)
        }

        public let source: Source
        /// Where the driver has copied it.
        public internal(set) var target: FrameNumber?
        public internal(set) var outcome: Migration.Outcome?

        public var isCandidate: Bool { if case .none = source { false } else { true } }
    }

    public let mirror: MirrorID
    public let space: SpaceID
    public let range: PageRange
    public let movement: Movement
    /// One for each page of the range, once they have been collected.
    public private(set) var pages: [Staged] {
        get { list.pages }
        _modify { yield &list.pages }
    }
    private let list = PageList()
    /// What became of the pages that were to be copied last.
    public private(set) var copies: [Migration.Run] = []
    private var elsewhere = ToldRanges()
    /// Pages elsewhere that are held, too; also parts of a huge page that is about to be split.
    public var told: [Hold] { elsewhere.ranges + farewell.parts }
    private var farewell = Farewell()
    /// Pages that are as they were again.
    private var undone = 0
    private var cursor: Page
    private var phase = Phase.begin
    private var pending: PageChange?

    private enum Phase: Equatable {
        case begin, collecting, collected
        /// Pages up to there are being copied.
        case copying(Page)
        /// The driver has said that it is ready.
        case finishing
        /// The event for what goes into holes is out.
        case fillingHoles
        /// Pages are being put where they belong.
        case ending
        case done
    }

    /// One for all copies of the migration, which are never taken further than one at a time: a list of a quarter of a
    /// million pages is not copied for each slice.
    ///
    /// Unchecked: it belongs to its tenant's machine, like the frames it names.
    private final class PageList: Equatable, @unchecked Sendable {
        var pages: [Staged] = []

        static func == (a: PageList, b: PageList) -> Bool { a === b }
    }

    public init(_ mirror: MirrorID, _ space: SpaceID, _ range: PageRange, _ movement: Movement) {
        self.mirror = mirror
        self.space = space
        self.range = range
        self.movement = movement
        cursor = range.start
    }

    /// Goes on to the end of collecting or of finishing.
    public mutating func step(_ machine: inout Machine) -> Step {
        // Where no table is left by now for a huge mapping, that stays as it is: the next look finds out.
        _ = machine.settle(&pending)
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        switch phase {
        case .begin:
            guard let area = machine.spaces[index].areas.area(at: range.start), area.range.contains(range),
                area.isReadable
            else { return .failed(MemoryFault(.notMapped, range.start)) }
            guard area.isMigratable else { return .failed(MemoryFault(.wrongKind, range.start)) }
            phase = .collecting
            return .invalidate(movement.notice(space, range))
        case .collecting: return collect(&machine, index)
        case .finishing:
            if let hole = firstFilledHole {
                phase = .fillingHoles
                return .invalidate(movement.notice(space, PageRange(hole, range.end)))
            }
            return finish(&machine, index)
        case .fillingHoles, .ending: return finish(&machine, index)
        case .copying(let end): return copy(to: end, &machine)
        case .collected, .done: break
        }
        return .done
    }

    // MARK: Collecting

    private mutating func collect(_ machine: inout Machine, _ index: Int) -> Step {
        // Without its mirror nobody could end it.
        guard machine.mirrors.contains(mirror) else { return .failed(MemoryFault(.gone, range.start)) }
        guard let area = machine.spaces[index].areas.area(at: range.start) else {
            return .failed(MemoryFault(.gone, range.start))
        }
        while cursor < range.end {
            if machine.isSliceSpent { return .more }
            machine.spend(4 * Slice.entry)
            let entry = machine.spaces[index].table[cursor]
            switch machine.verdict(entry, area, movement) {
            case .hole: pages.append(Staged(source: .hole))
            case .stays(let reason): pages.append(Staged(source: .none(reason)))
            case .stuck(let reason): pages.append(Staged(source: .none(reason)))
            case .splitZero: return machine.split(space, cursor, &pending)
            case .split(let head):
                if let part = farewell.nextPart(head, &machine) { return .invalidate(machine.splitNotice(part)) }
                machine.splitHugePage(head)
                farewell.end()
                continue
            case .candidate(let frame):
                let here = Place(space: space, page: cursor)
                if let place = farewell.next(frame, taken: here, &machine) {
                    elsewhere.add(place, for: cursor)
                    return .invalidate(machine.farewell(place))
                }
                pages.append(isolate(frame, entry, &machine, index))
            }
            farewell.end()
            cursor = cursor + 1
        }
        elsewhere.end()
        phase = .collected
        return .done
    }

    private func isolate(
        _ frame: FrameNumber, _ entry: PageEntry, _ machine: inout Machine, _ index: Int
    ) -> Staged {
        if machine.isUsedOtherwise(frame) { return Staged(source: .none(.pinned)) }
        machine.setMigrating(frame, true)
        // The driver's device must not write what is about to be copied.
        machine.update(index, movement.exempt, cursor, .none)
        return Staged(source: .frame(frame, writable: entry.isWritable))
    }

    public var candidates: UInt64 { pages.reduce(0) { $0 + ($1.isCandidate ? 1 : 0) } }

    // MARK: Copying

    /// What is left to copy of a part of the range.
    public func isCopied(_ part: PageRange) -> Bool {
        !indices(part).contains { pages[$0].isCandidate && pages[$0].target == nil }
    }

    private func indices(_ part: PageRange) -> Range<Int> {
        let part = part.clamped(to: range)
        guard !part.isEmpty else { return 0..<0 }
        return Int(part.start - range.start)..<Int(part.end - range.start)
    }

    /// The next steps give pages of a part frames at the goal and copy them there, as many as there is room for; what
    /// became of them is in `copies`. Kernel: alloc_and_copy().
    public mutating func beginCopying(_ part: PageRange) {
        phase = .copying(part.end)
        cursor = part.start
        copies = []
    }

    private mutating func copy(to end: Page, _ machine: inout Machine) -> Step {
        while cursor < end {
            if machine.isSliceSpent { return .more }
            machine.spend(Slice.entry)
            copyOne(Int(cursor - range.start), &machine)
            cursor = cursor + 1
        }
        phase = .collected
        return .done
    }

    private mutating func copyOne(_ position: Int, _ machine: inout Machine) {
        guard pages[position].isCandidate, pages[position].target == nil else { return }
        guard let frame = allocate(&machine) else { return copies.record(cursor, 1, .stayed(.noSpace)) }
        let bytes = machine.physical.bytes(frame)
        if case .frame(let source, _) = pages[position].source {
            bytes.copyMemory(from: machine.physical.bytes(source), byteCount: PageSize.bytes)
        } else {
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: PageSize.bytes)
        }
        machine.physical.frame(frame).pointee.isLocked = true
        machine.stagedFrames += 1
        pages[position].target = frame
        copies.record(cursor, 1, .moved, frame)
    }

    /// Within the limit: both frames are in use for as long as the migration is open, and a hole had none.
    private func allocate(_ machine: inout Machine) -> FrameNumber? {
        switch movement.destination {
        case .system: machine.allocateSystem()
        case .device(let device): machine.allocate(on: device)
        }
    }

    // MARK: Finishing

    /// The driver is done: the next steps end the migration. False when there is nothing to end yet, or any more.
    public mutating func beginFinishing() -> Bool {
        guard phase == .collected else { return false }
        phase = .finishing
        return true
    }

    private var firstFilledHole: Page? {
        pages.indices.first { pages[$0].source == .hole && pages[$0].target != nil }.map { range.start + UInt64($0) }
    }

    private mutating func finish(_ machine: inout Machine, _ index: Int) -> Step {
        if phase != .ending {
            if firstFilledHole != nil { machine.prepareObject(index, range.start) }
            phase = .ending
            cursor = range.start
        }
        while cursor < range.end {
            if machine.isSliceSpent { return .more }
            let position = Int(cursor - range.start)
            pages[position].outcome = finishOne(cursor, pages[position], &machine, index)
            cursor = cursor + 1
        }
        phase = .done
        return .done
    }

    private func finishOne(
        _ page: Page, _ staged: Staged, _ machine: inout Machine, _ index: Int
    ) -> Migration.Outcome {
        machine.spend(staged.target == nil ? Slice.entry : Slice.page)
        switch staged.source {
        case .none(let reason): return .stayed(reason)
        case .hole:
            guard let target = staged.target else { return .stayed(.notCopied) }
            machine.stagedFrames -= 1
            return fill(page, target, &machine, index)
        case .frame(let frame, _):
            let hasGone = machine.unlock(frame)
            guard let target = staged.target else { return .stayed(hasGone ? .empty : .notCopied) }
            machine.physical.frame(target).pointee.isLocked = false
            machine.stagedFrames -= 1
            if hasGone {
                machine.release(target)
                return .stayed(.empty)
            }
            let metadata = machine.physical.frame(frame).pointee
            var reason: Migration.Reason?
            if machine.isUsedOtherwise(frame) { reason = .pinned }
            if case .device = movement.destination, !metadata.isAnonymous { reason = .fileBacked }
            if let reason {
                machine.release(target)
                return .stayed(reason)
            }
            machine.replaceEverywhere(frame, by: target)
            settle(page, target, &machine, index)
            return .moved
        }
    }

    private func fill(
        _ page: Page, _ target: FrameNumber, _ machine: inout Machine, _ index: Int
    ) -> Migration.Outcome {
        machine.physical.frame(target).pointee.isLocked = false
        let entry = machine.spaces[index].table[page]
        guard let area = machine.spaces[index].areas.area(at: page), !entry.hasFrame,
            machine.spaces[index].table.hasRoom(for: page)
        else {
            machine.release(target)
            return .stayed(.notCopied)
        }
        machine.makeAnonymous(target, area, page)
        machine.map(target)
        machine.spaces[index].table.set(
            page, PageEntry(machine.kind(of: target), target, writable: area.isWritable))
        machine.spaces[index].resident += 1
        settle(page, target, &machine, index)
        return .moved
    }

    /// The driver's own table knows where the page is now.
    private func settle(_ page: Page, _ target: FrameNumber, _ machine: inout Machine, _ index: Int) {
        machine.physical.frame(target).pointee.allocator = mirror
        var entry = PageEntry.none
        if case .device = movement.destination { entry = machine.spaces[index].table[page] }
        machine.update(index, movement.exempt, page, entry)
    }

    /// Gives up: in the end every page is as it was. False when the slice is spent before that. Kernel:
    /// migrate_vma_finalize() without destinations.
    public mutating func rollBack(_ machine: inout Machine) -> Bool {
        guard phase != .done else { return true }
        while undone < pages.count {
            if machine.isSliceSpent { return false }
            undo(pages[undone], &machine)
            undone += 1
        }
        phase = .done
        return true
    }

    private func undo(_ staged: Staged, _ machine: inout Machine) {
        machine.spend(Slice.entry)
        if case .frame(let frame, _) = staged.source {
            machine.spend(8 * Slice.entry)
            _ = machine.unlock(frame)
        }
        guard let target = staged.target else { return }
        machine.spend(8 * Slice.entry)
        machine.physical.frame(target).pointee.isLocked = false
        machine.stagedFrames -= 1
        machine.release(target)
    }
}

extension Machine {
    /// Makes every entry of a frame one that nobody can use, or one of memory again. Kernel: try_to_migrate(),
    /// remove_migration_ptes().
    mutating func setMigrating(_ frame: FrameNumber, _ isMigrating: Bool) {
        physical.frame(frame).pointee.isLocked = isMigrating
        let kind = isMigrating ? PageEntry.Kind.migrating : kind(of: frame)
        for place in places(of: frame) {
            guard let index = spaces.index(of: place.space) else { continue }
            let entry = spaces[index].table[place.page]
            guard entry.kind != .exclusive else { continue }
            spaces[index].table.set(place.page, PageEntry(kind, frame, writable: entry.isWritable))
        }
    }
}
