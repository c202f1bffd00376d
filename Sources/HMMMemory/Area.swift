/// Access permissions. Kernel: VM_READ, VM_WRITE, VM_EXEC.
public struct Protection: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let read = Protection(rawValue: 1)
    public static let write = Protection(rawValue: 2)
    public static let execute = Protection(rawValue: 4)
}

/// A range of an address space with one protection and one backing: private anonymous memory. Kernel: `struct
/// vm_area_struct`.
public struct Area: Equatable, Sendable {
    public var range: PageRange
    public var protection: Protection

    public init(range: PageRange, protection: Protection) {
        self.range = range
        self.protection = protection
    }

    /// A device may use it. Memory without read permission is out of reach of devices.
    var isReadable: Bool { protection.contains(.read) }
}

/// The areas of an address space in ascending order, without overlap; neighbours alike are one. Kernel: the maple tree.
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

    /// How many areas more there are at most once `range` has another protection: one for each end that cuts an area.
    public func growth(protecting range: PageRange, _ protection: Protection) -> Int {
        let first = area(at: range.start)
        let last = area(at: Page(number: range.end.number - 1))
        let cutsFirst = first.map { $0.range.start < range.start && $0.protection != protection } ?? false
        let cutsLast = last.map { range.end < $0.range.end && $0.protection != protection } ?? false
        return (cutsFirst ? 1 : 0) + (cutsLast ? 1 : 0)
    }

    /// Adds an area; the caller has checked that its range is free.
    mutating func insert(_ area: Area) {
        let index = firstIndex(endingAfter: area.range.start)
        areas.insert(area, at: index)
        mergeNeighbours(of: index)
    }

    /// Removes what lies in `range`, cutting areas at its ends.
    mutating func remove(_ range: PageRange) {
        split(at: range.start)
        split(at: range.end)
        let first = firstIndex(endingAfter: range.start)
        var last = first
        while last < areas.count, areas[last].range.start < range.end { last += 1 }
        areas.removeSubrange(first..<last)
    }

    /// Gives `range`, which lies within one area, another protection.
    mutating func protect(_ range: PageRange, _ protection: Protection) {
        split(at: range.start)
        split(at: range.end)
        let index = firstIndex(endingAfter: range.start)
        areas[index].protection = protection
        mergeNeighbours(of: index)
    }

    private mutating func split(at page: Page) {
        let index = firstIndex(endingAfter: page)
        guard index < areas.count, areas[index].range.start < page else { return }
        var tail = areas[index]
        tail.range = PageRange(page, areas[index].range.end)
        areas[index].range = PageRange(areas[index].range.start, page)
        areas.insert(tail, at: index + 1)
    }

    private mutating func mergeNeighbours(of index: Int) {
        if index + 1 < areas.count { mergeWithNext(index) }
        if index > 0 { mergeWithNext(index - 1) }
    }

    private mutating func mergeWithNext(_ index: Int) {
        let next = areas[index + 1]
        guard areas[index].range.end == next.range.start, areas[index].protection == next.protection else { return }
        areas[index].range = PageRange(areas[index].range.start, next.range.end)
        areas.remove(at: index + 1)
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

    private func fits(_ count: UInt64, _ low: Page, _ end: Page, _ bounds: PageRange) -> Bool {
        let start = max(low, bounds.start)
        return start < end && end - start >= count
    }
}
