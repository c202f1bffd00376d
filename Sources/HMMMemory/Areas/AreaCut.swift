/// The announcements that cutting an area causes: where it could hold a huge mapping, and there is a table for it, that
/// becomes small ones, whether or not there is one. Kernel: vma_adjust_trans_huge() with __split_huge_pmd().
struct AreaCut: Equatable, Sendable {
    private var told: [Page] = []

    /// The next announcement for cutting areas at the ends of `range`; nil when none is left.
    mutating func next(
        _ machine: borrowing Machine, _ index: Int, _ range: PageRange, _ pending: inout PageChange?
    ) -> Step? {
        for page in [range.start, range.end] where page.number & 511 != 0 {
            let base = page.hugeStart
            guard !told.contains(base), let area = machine.spaces[index].areas.area(at: page),
                area.range.contains(PageRange(base, base + 512)), area.kind != .hugetlb,
                machine.spaces[index].table.hasSlot(base)
            else { continue }
            told.append(base)
            let space = machine.spaces.id(at: index)
            pending = .splitHuge(space, base)
            return .invalidate(Invalidation(space, PageRange(base, base + 512), .clear))
        }
        return nil
    }
}

extension Machine {
    /// Huge mappings that an end of `range` divides become small ones first. Kernel: __split_huge_pmd().
    func splitMappings(_ index: Int, _ range: PageRange, _ pending: inout PageChange?) -> Step? {
        let space = spaces.id(at: index)
        for page in [range.start, range.end] where page.number & 511 != 0 && spaces[index].table.huge(page) != nil {
            let base = page.hugeStart
            pending = .splitHuge(space, base)
            return .invalidate(Invalidation(space, PageRange(base, base + 512), .clear))
        }
        return nil
    }
}
