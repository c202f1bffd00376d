/// `munmap`: areas of a range and what they hold go away. Kernel: munmap(2), MMU_NOTIFY_UNMAP.
public struct Unmapping: SteppedWork {
    public let space: SpaceID
    public let range: PageRange
    /// Pages that had memory behind them.
    public private(set) var freed: UInt64 = 0
    private var announced = false
    /// Pages before it are empty.
    private var cursor: Page
    private var cut = AreaCut()
    private var pending: PageChange?

    public init(_ space: SpaceID, _ range: PageRange) {
        self.space = space
        self.range = range
        cursor = range.start
    }

    /// A range without areas needs no announcement and is no error.
    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        if !announced {
            guard machine.spaces[index].areas.overlaps(range) else { return .done }
            if let page = machine.reservedCut(index, range) { return .failed(MemoryFault(.wrongKind, page)) }
            if let step = cut.next(machine, index, range, &pending) { return step }
            announced = true
            return .invalidate(Invalidation(space, range, .unmap))
        }
        guard machine.zap(index, range, from: &cursor, &freed) else { return .more }
        freed += machine.unmapAreas(index, range)
        return .done
    }
}

extension Machine {
    /// Empties a range and forgets its areas; returns how many pages had memory behind them.
    mutating func unmapAreas(_ index: Int, _ range: PageRange) -> UInt64 {
        let freed = zap(index, range)
        for area in spaces[index].areas.areas[spaces[index].areas.indices(overlapping: range)]
        where area.kind == .hugetlb {
            hugePagesReserved -= area.range.clamped(to: range).count / 512
        }
        removeAreas(index, range)
        pruneTables(index, range)
        return freed
    }

    /// Gives back what tables no area needs. Kernel: free_pgtables() with its floor and ceiling.
    private mutating func pruneTables(_ index: Int, _ range: PageRange) {
        let areas = spaces[index].areas.areas
        let next = spaces[index].areas.firstIndex(endingAfter: range.start)
        let floor = next > 0 ? areas[next - 1].range.end.hugeEnd : Page(number: 0)
        let ceiling = next < areas.count ? areas[next].range.start.hugeStart : AddressSpace.highest.hugeEnd
        let pruned = PageRange(max(floor, range.start.hugeStart), min(ceiling, range.end.hugeEnd))
        spaces[index].table.prune(pruned)
    }

    /// The first page where an end of `range` cuts a page of the reserve, which cannot be. Kernel: -EINVAL of
    /// hugetlb's may_split().
    func reservedCut(_ index: Int, _ range: PageRange) -> Page? {
        for page in [range.start, range.end] where page.number & 511 != 0 {
            guard let area = spaces[index].areas.area(at: page), area.kind == .hugetlb, area.range.start < page else {
                continue
            }
            return page
        }
        return nil
    }

    /// Empties the page table of a range and frees what it mapped; returns how many pages had memory behind them.
    /// `filesOnly` leaves memory that belongs to the space alone. Kernel: zap_page_range().
    mutating func zap(_ index: Int, _ range: PageRange, filesOnly: Bool = false) -> UInt64 {
        var freed: UInt64 = 0
        var page = range.start
        while !zap(index, range, from: &page, &freed, filesOnly: filesOnly) {}
        return freed
    }

    /// Goes on with that from `page`, until the slice is spent; false when there is more.
    mutating func zap(
        _ index: Int, _ range: PageRange, from page: inout Page, _ freed: inout UInt64, filesOnly: Bool = false
    ) -> Bool {
        var entries: [PageEntry] = []
        entries.reserveCapacity(512)
        let before = freed
        defer { spaces[index].resident -= freed - before }
        // A node at a time, so that what waits to be freed stays small.
        while let piece = spaces[index].table.nextLeaf(from: page, before: range.end) {
            spend(UInt64(piece.count) * Slice.entry)
            let part = PageRange(piece.start, piece.start + UInt64(piece.count))
            entries.removeAll(keepingCapacity: true)
            if filesOnly {
                takeFileEntries(index, part, &entries)
            } else {
                spaces[index].table.removeAll(part) { _, entry in if entry.hasFrame { entries.append(entry) } }
            }
            for entry in entries { freed += free(entry) }
            page = part.end
            if isSliceSpent, page < range.end { return false }
        }
        page = range.end
        return true
    }

    private mutating func takeFileEntries(_ index: Int, _ part: PageRange, _ entries: inout [PageEntry]) {
        for offset in 0..<part.count {
            let page = part.start + offset
            let entry = spaces[index].table[page]
            guard entry.kind == .system, !physical.frame(entry.frame).pointee.isAnonymous else { continue }
            entries.append(entry)
            spaces[index].table.set(page, .none)
        }
    }

    /// Drops what an entry held; returns how many pages that was.
    private mutating func free(_ entry: PageEntry) -> UInt64 {
        if entry.isReserved {
            release(entry.frame)
            return 0
        }
        if entry.kind == .exclusive {
            release(entry.frame)
            return 1
        }
        guard entry.isHuge else {
            unmap(entry.frame)
            return 1
        }
        for offset in 0..<512 { unmap(entry.frame.advanced(offset)) }
        return 512
    }

    /// Forgets an address space that has been emptied.
    public mutating func removeSpace(_ id: SpaceID) {
        if let index = spaces.index(of: id) { _ = unmapAreas(index, AddressSpace.everything) }
        _ = spaces.remove(id)
    }
}
