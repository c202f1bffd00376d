/// The areas of an address space in ascending order, without overlap. Kernel: the maple tree.
public struct AreaMap: Sendable {
    public private(set) var areas: [Area] = []

    /// The position of the first area that ends after `page`.
    func firstIndex(endingAfter page: Page) -> Int {
        var low = 0
        var high = areas.count
        while low < high {
            let middle = (low + high) / 2
            if areas[middle].range.end <= page { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The area that holds `page`.
    @inline(__always)
    public func area(at page: Page) -> Area? {
        let index = areas.count == 1 ? 0 : firstIndex(endingAfter: page)
        guard index < areas.count, areas[index].range.contains(page) else { return nil }
        return areas[index]
    }

    /// A device may use `page`.
    @inline(__always)
    func isReadable(at page: Page) -> Bool {
        let index = areas.count == 1 ? 0 : firstIndex(endingAfter: page)
        return index < areas.count && areas[index].range.contains(page) && areas[index].isReadable
    }

    /// The first area that has pages from `page` up to `end`.
    func nextArea(from page: Page, before end: Page) -> Area? {
        let index = firstIndex(endingAfter: page)
        return index < areas.count && areas[index].range.start < end ? areas[index] : nil
    }

    /// One past the pages from `page` on that no device may use, up to `end`.
    func endOfUnusable(from page: Page, before end: Page) -> Page {
        var next = page
        var position = firstIndex(endingAfter: page)
        while next < end, position < areas.count {
            if areas[position].range.start > next { next = areas[position].range.start }
            if areas[position].isReadable { return min(next, end) }
            next = areas[position].range.end
            position += 1
        }
        return end
    }

    public func overlaps(_ range: PageRange) -> Bool {
        let index = firstIndex(endingAfter: range.start)
        return index < areas.count && areas[index].range.overlaps(range)
    }

    /// The first page of `range` that no area holds, or whose area `isUsable` refuses; nil when all are well.
    func firstGap(in range: PageRange, _ isUsable: (Area) -> Bool) -> (page: Page, area: Area?)? {
        var page = range.start
        var index = firstIndex(endingAfter: page)
        while page < range.end {
            guard index < areas.count, areas[index].range.contains(page) else { return (page, nil) }
            guard isUsable(areas[index]) else { return (page, areas[index]) }
            page = areas[index].range.end
            index += 1
        }
        return nil
    }

    /// How many areas more there are once `range` is removed.
    public func growth(removing range: PageRange) -> Int {
        guard let area = area(at: range.start) else { return 0 }
        return area.range.start < range.start && range.end < area.range.end ? 1 : 0
    }

    /// How many areas more there are at most once `range` has been changed where `changes` says so: one for each end
    /// that cuts such an area.
    public func growth(changing range: PageRange, where changes: (Area) -> Bool) -> Int {
        let first = area(at: range.start)
        let last = area(at: Page(number: range.end.number - 1))
        let cutsFirst = first.map { $0.range.start < range.start && changes($0) } ?? false
        let cutsLast = last.map { range.end < $0.range.end && changes($0) } ?? false
        return (cutsFirst ? 1 : 0) + (cutsLast ? 1 : 0)
    }

    /// Puts `replacements`, in ascending order, where the areas numbered `old` were.
    mutating func replace(_ old: Range<Int>, by replacements: [Area]) { areas.replaceSubrange(old, with: replacements) }

    /// Changes an area in place; its range stays.
    mutating func update(_ index: Int, _ change: (inout Area) -> Void) { change(&areas[index]) }

    /// The areas that overlap `range`, by position.
    func indices(overlapping range: PageRange) -> Range<Int> {
        let first = firstIndex(endingAfter: range.start)
        var last = first
        while last < areas.count, areas[last].range.start < range.end { last += 1 }
        return first..<last
    }

    /// The highest free place for `count` pages within `bounds`. Kernel: top-down search of vm_unmapped_area().
    func highestGap(_ count: UInt64, in bounds: PageRange) -> PageRange? {
        var end = bounds.end
        for area in areas.reversed() {
            if area.range.end < end, fits(count, area.range.end, end, bounds) {
                return PageRange(Page(number: end.number - count), end)
            }
            end = min(end, area.range.start)
        }
        return fits(count, bounds.start, end, bounds) ? PageRange(Page(number: end.number - count), end) : nil
    }

    /// The free places within `bounds` from the highest down, each larger than all before it: the highest for some
    /// pages lies in the first that is large enough, and whoever asks for many looks at the areas once.
    func growingGaps(in bounds: PageRange) -> [PageRange] {
        var gaps: [PageRange] = []
        var largest: UInt64 = 0
        var end = bounds.end
        func add(_ low: Page) {
            let gap = PageRange(max(low, bounds.start), end)
            guard gap.count > largest else { return }
            largest = gap.count
            gaps.append(gap)
        }
        for area in areas.reversed() {
            add(area.range.end)
            end = min(end, area.range.start)
        }
        add(bounds.start)
        return gaps
    }

    private func fits(_ count: UInt64, _ low: Page, _ end: Page, _ bounds: PageRange) -> Bool {
        let start = max(low, bounds.start)
        return start < end && end - start >= count
    }
}
