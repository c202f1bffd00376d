/// The announcements that cutting an area causes: where it could hold a huge mapping, and there is a table for it, that
/// becomes small ones, whether or not there is one. Kernel: vma_adjust_trans_huge() with __split_huge_pmd().
struct AreaCut: Equatable, Sendable {
    /// The tables that it takes have been promised.
    let isPromised: Bool
    private var told: [Page] = []

    init(isPromised: Bool = false) { self.isPromised = isPromised }

    /// The next announcement for cutting areas at the ends of `part`; nil when none is left. A failure where there are
    /// not tables enough for the ends of all of `range`.
    mutating func next(
        _ machine: borrowing Machine, _ index: Int, _ part: PageRange, of range: PageRange, _ pending: inout PageChange?
    ) -> Step? {
        if !isPromised, let fault = machine.lackOfTables(index, cutting: range) { return .failed(fault) }
        for page in [part.start, part.end] where page.number & 511 != 0 {
            let base = page.hugeStart
            guard !told.contains(base), let area = machine.spaces[index].areas.area(at: page),
                area.range.contains(PageRange(base, base + 512)), area.kind != .hugetlb,
                machine.spaces[index].table.hasSlot(base)
            else { continue }
            told.append(base)
            pending = .splitHuge(machine.spaces.id(at: index), base, isPromised: isPromised)
            return .invalidate(Machine.splitNotice(machine.spaces.id(at: index), base))
        }
        return nil
    }
}

/// How huge mappings become small ones, whose table has to be had first: those of zeroes take no frames, so nothing
/// else bounds how many there are. Kernel: __split_huge_pmd().
extension Machine {
    /// What announces that the huge mapping of the 512 pages from `base` becomes small ones.
    static func splitNotice(_ space: SpaceID, _ base: Page) -> Invalidation {
        Invalidation(space, PageRange(base, base + 512), .clear)
    }

    /// Announces that for the one that holds `page`; a failure where no table is left.
    func split(
        _ space: SpaceID, _ page: Page, _ pending: inout PageChange?, isPromised: Bool = false
    ) -> Step {
        guard isPromised || !tableNodes.isSpent else { return .failed(MemoryFault(.limit, page)) }
        pending = .splitHuge(space, page.hugeStart, isPromised: isPromised)
        return .invalidate(Self.splitNotice(space, page.hugeStart))
    }

    /// Huge mappings that an end of `range` divides become small ones first. A failure where there are not tables
    /// enough for the ends of all of `whole`.
    func splitMappings(
        _ index: Int, _ range: PageRange, of whole: PageRange, _ pending: inout PageChange?, isPromised: Bool = false
    ) -> Step? {
        if !isPromised, let fault = lackOfTables(index, cutting: whole) { return .failed(fault) }
        for page in [range.start, range.end] where isDivided(index, page) {
            return split(spaces.id(at: index), page, &pending, isPromised: isPromised)
        }
        return nil
    }

    private func isDivided(_ index: Int, _ page: Page) -> Bool {
        page.number & 511 != 0 && spaces[index].table.huge(page) != nil
    }

    /// Tables that the small mappings take which the ends of `range` divide huge ones into.
    func tables(_ index: Int, cutting range: PageRange) -> UInt64 {
        let first: UInt64 = isDivided(index, range.start) ? 1 : 0
        guard isDivided(index, range.end), first == 0 || range.end.hugeStart != range.start.hugeStart else {
            return first
        }
        return first + 1
    }

    /// There are fewer left than that.
    func lackOfTables(_ index: Int, cutting range: PageRange) -> MemoryFault? {
        tables(index, cutting: range) <= tableNodes.free ? nil : MemoryFault(.limit, range.start)
    }

    /// Tables are left for all who map a huge page as one, which may be fewer than map some of it.
    func hasTables(splitting head: FrameNumber) -> Bool {
        UInt64(physical.frame(head).pointee.mappings) <= tableNodes.free
    }
}
