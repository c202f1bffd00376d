/// `munmap`: areas of a range and what they hold go away. Kernel: munmap(2), MMU_NOTIFY_UNMAP.
public struct Unmapping: SteppedWork {
    public let space: SpaceID
    public let range: PageRange
    /// Pages that had memory behind them.
    public var freed: UInt64 { clearing.freed }
    private var announced = false
    private var clearing: Clearing
    private var cut: AreaCut
    private var pending: PageChange?

    public init(_ space: SpaceID, _ range: PageRange) { self.init(space, range, isPromised: false) }

    /// `isPromised`: the tables that cutting takes have been.
    init(_ space: SpaceID, _ range: PageRange, isPromised: Bool) {
        self.space = space
        self.range = range
        clearing = Clearing(range)
        cut = AreaCut(isPromised: isPromised)
    }

    /// A range without areas needs no announcement and is no error.
    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        if !announced {
            guard machine.spaces[index].areas.overlaps(range) else { return .done }
            if let page = machine.reservedCut(index, range) { return .failed(MemoryFault(.wrongKind, page)) }
            if let step = cut.next(machine, index, range, of: range, &pending) { return step }
            announced = true
            return .invalidate(Invalidation(space, range, .unmap))
        }
        return clearing.goOn(&machine, index) ? .done : .more
    }
}

/// A range is emptied, and its areas and tables go, in slices. Kernel: unmap_region().
struct Clearing: Equatable, Sendable {
    let range: PageRange
    /// Pages that had memory behind them.
    private(set) var freed: UInt64 = 0
    private var phase = Phase.pages
    /// How far the phase has come.
    private var cursor: Page

    private enum Phase: Equatable { case pages, areas, tables, files }

    init(_ range: PageRange) {
        self.range = range
        cursor = range.start
    }

    /// Goes on until the slice is spent; false when there is more.
    mutating func goOn(_ machine: inout Machine, _ index: Int) -> Bool {
        if phase == .pages {
            guard machine.zap(index, range, from: &cursor, &freed) else { return false }
            phase = .areas
            cursor = range.start
        }
        if phase == .areas {
            guard machine.removeAreas(index, range, from: &cursor) else { return false }
            phase = .tables
            cursor = range.start
        }
        if phase == .tables {
            guard machine.pruneTables(index, range, from: &cursor) else { return false }
            phase = .files
        }
        return machine.freeUnusedFiles()
    }
}

extension Machine {
    /// Gives back what tables no area needs, from `page` on, until the slice is spent; false when there is more.
    /// Kernel: free_pgtables() with its floor and ceiling.
    fileprivate mutating func pruneTables(_ index: Int, _ range: PageRange, from page: inout Page) -> Bool {
        let areas = spaces[index].areas.areas
        let next = spaces[index].areas.firstIndex(endingAfter: range.start)
        let floor = next > 0 ? areas[next - 1].range.end.hugeEnd : Page(number: 0)
        let ceiling = next < areas.count ? areas[next].range.start.hugeStart : AddressSpace.highest.hugeEnd
        let pruned = PageRange(max(floor, range.start.hugeStart), min(ceiling, range.end.hugeEnd))
        page = max(page, pruned.start)
        while let base = spaces[index].table.nextNode(from: page, before: pruned.end) {
            if isSliceSpent { return false }
            let before = tableNodes.used
            // Up to the next multiple of a gibibyte.
            page = min(Page(number: (base.number | 0x3ffff) + 1), pruned.end)
            spaces[index].table.prune(PageRange(base, page))
            spend(Slice.page + (before - tableNodes.used) * 16 * Slice.entry)
        }
        spaces[index].table.prune(pruned)
        return true
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

    /// Empties the page table of a range from `page` on and frees what it mapped, until the slice is spent; false when
    /// there is more. `freed` grows by the pages that had memory behind them. `filesOnly` leaves memory that belongs to
    /// the space alone. Kernel: zap_page_range().
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
            // Also one that a driver is moving: it finds the page gone.
            guard entry.kind == .system || entry.kind == .migrating,
                !physical.frame(entry.frame).pointee.isAnonymous
            else { continue }
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
        _ = spaces.remove(id)
    }
}
