/// `mremap`: an area, or part of one, gets another place or length, with what it holds. Kernel: mremap(2).
public struct Remapping: SteppedWork {
    public let space: SpaceID
    public private(set) var old: PageRange
    /// Pages it shall have.
    public private(set) var count: UInt64
    /// Where to; nil leaves it where it is, unless it has to grow.
    public let target: Page?
    private let mayMove: Bool
    /// The old place stays mapped, with nothing in it. Kernel: MREMAP_DONTUNMAP.
    private let keepsOld: Bool
    private let areaLimit: Int
    private var phase = Phase.begin
    private var unmapping: Unmapping?
    private var cut = AreaCut()
    private var pending: PageChange?
    /// Where it is, in the end.
    public private(set) var range: PageRange?
    /// Why it was refused, when the step failed with `.refused`.
    public private(set) var refusal: MappingRefusal?

    private enum Phase: Equatable {
        case begin
        /// What is at the target has gone.
        case cleared
        /// What is beyond the new length has gone.
        case trimmed
        /// The old place has been announced.
        case moving(Page)
        /// The pages up to the second are at the new place.
        case movingPages(Page, Page)
        /// The old place is being emptied.
        case leaving(Page, Clearing)
    }

    public init(
        _ space: SpaceID, _ old: PageRange, count: UInt64, to target: Page?, mayMove: Bool, keepsOld: Bool,
        areaLimit: Int
    ) {
        self.space = space
        self.old = old
        self.count = count
        self.target = target
        self.mayMove = mayMove || target != nil
        self.keepsOld = keepsOld
        self.areaLimit = areaLimit
    }

    /// The part of the old range that is kept.
    private var kept: PageRange { PageRange(old.start, old.start + min(count, old.count)) }

    /// What others keep off while it works: the old place, the new one and what is between.
    public var reach: PageRange {
        let start = target ?? old.start
        return PageRange(min(old.start, start), max(old.end, start + count))
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, old.start)) }
        while true {
            if var work = unmapping {
                let step = work.step(&machine)
                unmapping = work
                guard step == .done else { return step }
                unmapping = nil
            }
            if let step = goOn(&machine, index) { return step }
        }
    }

    /// The order is the kernel's: what is at the target goes even when the source turns out to be wrong.
    private mutating func goOn(_ machine: inout Machine, _ index: Int) -> Step? {
        switch phase {
        case .begin:
            guard let area = machine.spaces[index].areas.area(at: old.start) else { return failed(.notMapped) }
            if area.kind == .hugetlb, !roundToReserve() { return failed(.wrongKind) }
            if let target {
                let new = PageRange(target, target + count)
                if new.overlaps(old) { return failed(.wrongKind) }
                if target < AddressSpace.lowest { return refuse(.tooLow) }
                guard new.end <= AddressSpace.highest else { return failed(.wrongKind) }
                guard machine.spaces[index].areas.areas.count + 2 < areaLimit else { return refuse(.tooManyAreas) }
                unmapping = Unmapping(space, new)
            }
            phase = .cleared
        case .cleared:
            if count < old.count { unmapping = Unmapping(space, PageRange(kept.end, old.end)) }
            phase = .trimmed
        case .trimmed: return place(&machine, index)
        case .moving(let to):
            // Nobody keeps a free place: another may have taken it meanwhile.
            guard target != nil || !machine.spaces[index].areas.overlaps(PageRange(to, to + count)) else {
                phase = .trimmed
                return nil
            }
            guard machine.beginMoving(index, kept, to: PageRange(to, to + count)) else { return finish(to) }
            phase = .movingPages(to, kept.start)
        case .movingPages(let to, let page):
            let next = machine.movePages(index, kept, to: to, from: page)
            guard next == kept.end else {
                phase = .movingPages(to, next)
                return .more
            }
            guard keepsOld else {
                phase = .leaving(to, Clearing(kept))
                return nil
            }
            machine.leaveEmpty(index, kept)
            return finish(to)
        case .leaving(let to, var clearing):
            let isDone = clearing.goOn(&machine, index)
            phase = .leaving(to, clearing)
            return isDone ? finish(to) : .more
        }
        return nil
    }

    /// Counts in whole pages of the reserve, which do not grow; false where that cannot be.
    private mutating func roundToReserve() -> Bool {
        guard old.start.number & 511 == 0, (target?.number ?? 0) & 511 == 0 else { return false }
        old = PageRange(old.start, old.end.hugeEnd)
        count = (count + 511) & ~511
        return count <= old.count
    }

    private func failed(_ cause: MemoryFault.Cause) -> Step { .failed(MemoryFault(cause, old.start)) }

    private mutating func refuse(_ refusal: MappingRefusal) -> Step {
        self.refusal = refusal
        return failed(.refused)
    }

    /// A second mapping of shared memory: nothing leaves. Kernel: mremap() with an old length of 0.
    private mutating func duplicate(_ machine: inout Machine, _ index: Int, _ area: Area) -> Step {
        guard area.isShared else { return failed(.wrongKind) }
        let plan = MappingPlan(at: nil, count: count, area.protection)
        guard let start = target ?? machine.freePlace(space, plan)?.start else { return refuse(.noGap) }
        var copy = area
        copy.offset = area.offset(of: old.start)
        copy.range = PageRange(start, start + count)
        machine.insertArea(index, copy)
        range = copy.range
        return .done
    }

    /// Finds out where it will be, and announces that it leaves where it is.
    private mutating func place(_ machine: inout Machine, _ index: Int) -> Step? {
        if old.isEmpty, let area = machine.spaces[index].areas.area(at: old.start) {
            return duplicate(&machine, index, area)
        }
        guard let area = machine.spaces[index].areas.area(at: old.start), area.range.contains(kept) else {
            return failed(.notMapped)
        }
        if count > old.count, area.kind == .io { return failed(.notMapped) }
        if keepsOld, area.kind == .io || area.kind == .device { return failed(.wrongKind) }
        if target == nil, !keepsOld {
            if count <= old.count {
                range = kept
                return .done
            }
            if grow(&machine, index, area) { return .done }
            guard mayMove else { return refuse(.noGap) }
        }
        let plan = MappingPlan(at: nil, count: count, area.protection)
        guard let start = target ?? machine.freePlace(space, plan)?.start else { return refuse(.noGap) }
        if !keepsOld, let step = cut.next(machine, index, kept, &pending) { return step }
        if let step = machine.splitMappings(index, kept, &pending) { return step }
        if let step = splitWhatDoesNotFit(machine, index, start) { return step }
        phase = .moving(start)
        let reason: InvalidationReason = area.kind == .hugetlb ? .clear : .unmap
        return .invalidate(Invalidation(space, announcement(machine, index, start), reason))
    }

    /// Grows in place where the area ends and room follows. Kernel: vma_expandable().
    private mutating func grow(_ machine: inout Machine, _ index: Int, _ area: Area) -> Bool {
        let more = PageRange(old.end, old.start + count)
        guard old.end == area.range.end, more.end <= AddressSpace.highest,
            !machine.spaces[index].areas.overlaps(more)
        else { return false }
        machine.extendArea(index, area.range, by: more.count)
        range = PageRange(old.start, old.start + count)
        return true
    }

    /// A huge mapping moves as one only to where another can be.
    private mutating func splitWhatDoesNotFit(_ machine: borrowing Machine, _ index: Int, _ to: Page) -> Step? {
        guard (to.number ^ old.start.number) & 511 != 0 else { return nil }
        var page = kept.start
        while let piece = machine.spaces[index].table.nextLeaf(from: page, before: kept.end) {
            if piece.words == nil {
                let base = piece.start.hugeStart
                pending = .splitHuge(space, base)
                return .invalidate(Invalidation(space, PageRange(base, base + 512), .clear))
            }
            page = piece.start + UInt64(piece.count)
        }
        return nil
    }

    /// The old range, from the start of its table on where both places are alike there and nothing else is.
    /// Kernel: try_realign_addr().
    private func announcement(_ machine: borrowing Machine, _ index: Int, _ to: Page) -> PageRange {
        let offset = old.start.number & 511
        guard offset != 0, to.number & 511 == offset, kept.count >= 512 - offset else { return kept }
        let low = PageRange(Page(number: old.start.number - offset), old.start)
        let newLow = PageRange(Page(number: to.number - offset), to)
        guard !machine.spaces[index].areas.overlaps(low), !machine.spaces[index].areas.overlaps(newLow) else {
            return kept
        }
        return PageRange(low.start, kept.end)
    }

    private mutating func finish(_ to: Page) -> Step {
        range = PageRange(to, to + count)
        return .done
    }
}

extension Machine {
    mutating func extendArea(_ index: Int, _ range: PageRange, by count: UInt64) {
        let position = spaces[index].areas.firstIndex(endingAfter: range.start)
        var more = spaces[index].areas.areas[position]
        more.offset = more.offset(of: range.end)
        more.range = PageRange(range.end, range.end + count)
        insertArea(index, more)
    }

    /// Makes the area, at a free place, that the pages of another or of part of it are to be moved to; false where the
    /// other is gone. Kernel: move_vma().
    mutating func beginMoving(_ index: Int, _ old: PageRange, to new: PageRange) -> Bool {
        guard let source = spaces[index].areas.area(at: old.start) else { return false }
        var area = source.cut(to: old)
        area.range = new
        // Memory that has had no page yet begins anew where it is. Kernel: copy_vma().
        if area.kind == .anonymous, area.object == 0 { area.offset = new.start.number }
        if area.kind == .hugetlb { hugePagesReserved += new.count / 512 }
        insertArea(index, area)
        // Tables come along even where all their pages have gone.
        var page = old.start
        while let base = spaces[index].table.nextNode(from: page, before: old.end) {
            let part = PageRange(base, base + 512).clamped(to: old)
            spaces[index].table.cover(new.start + (part.start - old.start))
            spaces[index].table.cover(new.start + (part.end - old.start - 1))
            page = base + 512
        }
        return true
    }

    /// The old place stays mapped, and begins anew. Kernel: MREMAP_DONTUNMAP.
    mutating func leaveEmpty(_ index: Int, _ old: PageRange) {
        guard let source = spaces[index].areas.area(at: old.start), source.range == old, source.kind == .anonymous
        else { return }
        changeArea(index, old) { left in
            left.object = 0
            left.lineage = 0
        }
    }

    /// Moves entries from `page` on, until the slice is spent. Returns where it stopped. Kernel: move_page_tables().
    mutating func movePages(_ index: Int, _ old: PageRange, to start: Page, from page: Page) -> Page {
        var page = page
        while let piece = spaces[index].table.nextLeaf(from: page, before: old.end) {
            if isSliceSpent { return piece.start }
            spend(2 * UInt64(piece.count) * Slice.entry)
            let target = start + (piece.start - old.start)
            if piece.words == nil {
                spaces[index].table.removeHuge(piece.start)
                spaces[index].table.setHuge(target, piece.huge)
            } else {
                for offset in 0..<UInt64(piece.count) where !piece[Int(offset)].isNone {
                    let entry = piece[Int(offset)]
                    spaces[index].table.set(target + offset, entry)
                    spaces[index].table.set(piece.start + offset, .none)
                }
            }
            page = piece.start + UInt64(piece.count)
        }
        return old.end
    }
}
