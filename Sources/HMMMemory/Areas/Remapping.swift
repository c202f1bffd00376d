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
    private var cut = AreaCut(isPromised: true)
    private var pending: PageChange?
    /// Tables of the new place, and those that huge mappings on the way there become: nobody knows better before how
    /// many of them are there already.
    private var promise = Promise()
    /// Where it is, in the end.
    public private(set) var range: PageRange?
    /// Why it was refused, when the step failed with `.refused`.
    public private(set) var refusal: MappingRefusal?

    private enum Phase: Equatable {
        case begin
        /// What moving to the first page takes has been counted up to the second.
        case counting(Page, Page, NodeCount)
        /// What is at the target has gone.
        case cleared
        /// What is beyond the new length has gone.
        case trimmed
        /// Before the second page every huge mapping fits to the new place.
        case splitting(Page, Page)
        /// The old place has been announced.
        case moving(Page)
        /// The new place has the tables of the pages up to the second.
        case covering(Page, Page)
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

    /// Once it has begun to unmap it has the tables that it needs.
    public mutating func step(_ machine: inout Machine) -> Step {
        let step = advance(&machine)
        switch step {
        case .done, .failed: machine.takeBack(&promise)
        case .more, .invalidate: break
        }
        return step
    }

    /// It does not come to move anything.
    public mutating func abandon(_ machine: inout Machine) { machine.takeBack(&promise) }

    private mutating func advance(_ machine: inout Machine) -> Step {
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
                phase = .counting(target, kept.start, NodeCount())
            } else {
                phase = .cleared
            }
        case .counting(let to, var page, var nodes):
            let isDone = count(&machine, index, to: to, from: &page, &nodes)
            phase = .counting(to, page, nodes)
            return isDone ? make(&machine, index, to, nodes) : .more
        case .cleared:
            if count < old.count {
                unmapping = Unmapping(space, PageRange(kept.end, old.end), isPromised: target != nil)
            }
            phase = .trimmed
        case .trimmed: return place(&machine, index)
        case .splitting(let to, let page): return split(&machine, index, to, from: page)
        case .moving(let to):
            // Nobody keeps a free place: another may have taken it meanwhile.
            guard target != nil || !machine.spaces[index].areas.overlaps(PageRange(to, to + count)) else {
                phase = .trimmed
                return nil
            }
            guard machine.beginMoving(index, kept, to: PageRange(to, to + count)) else { return finish(to) }
            phase = .covering(to, kept.start)
        case .covering(let to, var page):
            let isDone = machine.coverMove(index, kept, to: to, from: &page)
            phase = isDone ? .movingPages(to, kept.start) : .covering(to, page)
            return isDone ? nil : .more
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
        phase = target == nil ? .counting(start, kept.start, NodeCount()) : .splitting(start, kept.start)
        return nil
    }

    // MARK: Tables

    /// Goes on with counting what a move takes, until the slice is spent; false when there is more.
    private func count(
        _ machine: inout Machine, _ index: Int, to: Page, from page: inout Page, _ nodes: inout NodeCount
    ) -> Bool {
        while page < kept.end, let part = machine.spaces[index].table.nextPart(from: page, before: kept.end) {
            if machine.isSliceSpent { return false }
            machine.spend(8 * Slice.entry)
            let range = PageRange(part.base, part.base + 512).clamped(to: kept)
            let first = to + (range.start - kept.start)
            page = range.end
            if part.isHuge, range.count == 512, fits(to) {
                nodes.add(first, hasLeaf: false)
                continue
            }
            if part.isHuge { nodes.addOne() }
            nodes.add(first, hasLeaf: true)
            nodes.add(first + (range.count - 1), hasLeaf: true)
        }
        return true
    }

    /// Makes sure of that, before anything is done; what is at the target, and what is too much, may be cut as well.
    private mutating func make(_ machine: inout Machine, _ index: Int, _ to: Page, _ nodes: NodeCount) -> Step? {
        machine.takeBack(&promise)
        var needed = Promise(nodes: nodes.count)
        if target != nil {
            needed.nodes += machine.tables(index, cutting: PageRange(to, to + count))
            if count < old.count { needed.nodes += machine.tables(index, cutting: PageRange(kept.end, old.end)) }
        }
        guard machine.give(needed) else { return failed(.limit) }
        promise = needed
        guard target != nil else {
            phase = .splitting(to, kept.start)
            return nil
        }
        unmapping = Unmapping(space, PageRange(to, to + count), isPromised: true)
        phase = .cleared
        return nil
    }

    /// A huge mapping moves as one only to where another can be.
    private func fits(_ to: Page) -> Bool { (to.number ^ old.start.number) & 511 == 0 }

    /// Huge mappings become small ones where they cannot move as they are; then the old place is announced.
    private mutating func split(_ machine: inout Machine, _ index: Int, _ to: Page, from page: Page) -> Step {
        if !keepsOld, let step = cut.next(machine, index, kept, of: kept, &pending) { return step }
        if let step = machine.splitMappings(index, kept, of: kept, &pending, isPromised: true) { return step }
        var page = page
        while !fits(to), let piece = machine.spaces[index].table.nextLeaf(from: page, before: kept.end) {
            phase = .splitting(to, piece.start)
            if piece.words == nil { return machine.split(space, piece.start, &pending, isPromised: true) }
            if machine.isSliceSpent { return .more }
            machine.spend(Slice.entry)
            page = piece.start + UInt64(piece.count)
        }
        phase = .moving(to)
        let isReserved = machine.spaces[index].areas.area(at: old.start)?.kind == .hugetlb
        return .invalidate(
            Invalidation(space, announcement(machine, index, to), isReserved ? .clear : .unmap))
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
        return true
    }

    /// Tables come along even where all their pages have gone: makes those of the new place, until the slice is spent;
    /// false when there is more.
    mutating func coverMove(_ index: Int, _ old: PageRange, to start: Page, from page: inout Page) -> Bool {
        while page < old.end, let base = spaces[index].table.nextNode(from: page, before: old.end) {
            if isSliceSpent { return false }
            spend(Slice.page)
            let part = PageRange(base, base + 512).clamped(to: old)
            spaces[index].table.cover(start + (part.start - old.start))
            spaces[index].table.cover(start + (part.end - old.start - 1))
            page = part.end
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
