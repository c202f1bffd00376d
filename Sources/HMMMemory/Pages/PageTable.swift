/// A four-level table of 512-entry nodes from virtual pages to `PageEntry` words. A word one level above the last may
/// be an entry itself: a huge mapping of 512 pages.
///
/// The CPU's view of an address space is one, and each mirror has one of its own for its device. Emptied nodes of a
/// mirror are given back at once, those of an address space when no area is left above them, as in the kernel: whether
/// there is a node decides whether a huge mapping can be made.
public struct PageTable: ~Copyable {
    /// 512 words and a count of those in use.
    typealias Node = UnsafeMutablePointer<UInt64>
    private static let wordsPerNode = 513
    private static let countIndex = 512
    /// Levels above the last.
    private static let topLevel = 3

    private let root: Node
    private let budget: NodeBudget
    /// A device's table may do without an entry: the device faults again. An address space would lose memory.
    private let mayForget: Bool

    init(_ budget: NodeBudget, mayForget: Bool) {
        root = Self.makeNode()
        self.budget = budget
        self.mayForget = mayForget
    }

    deinit { budget.used -= Self.free(root, level: Self.topLevel) - 1 }

    private static func makeNode() -> Node {
        let node = Node.allocate(capacity: wordsPerNode)
        node.initialize(repeating: 0, count: wordsPerNode)
        return node
    }

    /// Frees a node and those below it; returns how many there were.
    private static func free(_ node: Node, level: Int) -> UInt64 {
        var freed: UInt64 = 1
        if level > 0, node[countIndex] > 0 {
            for index in 0..<512 where node[index] != 0 && !isHuge(node[index]) {
                freed += free(child(node, index), level: level - 1)
            }
        }
        node.deallocate()
        return freed
    }

    /// A word of a node above the last level holds the address of the node below.
    @inline(__always)
    private static func child(_ node: Node, _ index: Int) -> Node {
        Node(bitPattern: UInt(truncatingIfNeeded: node[index])).unsafelyUnwrapped
    }

    /// A word above the last level is an entry: addresses of nodes are aligned.
    @inline(__always) private static func isHuge(_ word: UInt64) -> Bool { word & PageEntry.kindMask != 0 }

    @inline(__always)
    private static func index(_ page: Page, level: Int) -> Int {
        Int(truncatingIfNeeded: page.number >> UInt64(level * 9)) & 511
    }

    /// An entry of `page` has its node already, or may have one.
    func hasRoom(for page: Page) -> Bool { !budget.isSpent || leaf(page) != nil }

    /// No entry and no node at all.
    public var isEmpty: Bool { root[Self.countIndex] == 0 }

    /// The entry of `page`; one of a huge mapping is that of the page alone.
    @inline(__always)
    public subscript(page: Page) -> PageEntry {
        guard let slot = slot(page), slot.pointee != 0 else { return .none }
        if Self.isHuge(slot.pointee) { return PageEntry(word: slot.pointee).page(page.number & 511) }
        return PageEntry(word: Self.node(slot.pointee)[Self.index(page, level: 0)])
    }

    /// The word one level above the last that covers `page`.
    @inline(__always)
    private func slot(_ page: Page) -> UnsafeMutablePointer<UInt64>? {
        let top = Self.index(page, level: 3)
        if root[top] == 0 { return nil }
        let upper = Self.child(root, top)
        let middle = Self.index(page, level: 2)
        if upper[middle] == 0 { return nil }
        return Self.child(upper, middle) + Self.index(page, level: 1)
    }

    @inline(__always)
    private static func node(_ word: UInt64) -> Node {
        Node(bitPattern: UInt(truncatingIfNeeded: word)).unsafelyUnwrapped
    }

    @inline(__always)
    private func leaf(_ page: Page) -> Node? {
        guard let slot = slot(page), slot.pointee != 0, !Self.isHuge(slot.pointee) else { return nil }
        return Self.node(slot.pointee)
    }

    /// There is a node one level above the last for `page`. Kernel: mm_find_pmd().
    func hasSlot(_ page: Page) -> Bool { slot(page) != nil }

    /// There is a node of the last level or a huge mapping at `page`. Kernel: !pmd_none().
    func isCovered(_ page: Page) -> Bool { slot(page).map { $0.pointee != 0 } ?? false }

    /// The huge mapping that holds `page`: the entry of its first page.
    @inline(__always)
    func huge(_ page: Page) -> PageEntry? {
        guard let slot = slot(page), Self.isHuge(slot.pointee) else { return nil }
        return PageEntry(word: slot.pointee)
    }

    /// Memory of a huge page is mapped as one at `page`.
    func isHugeWithFrame(_ page: Page) -> Bool { huge(page)?.hasFrame ?? false }

    /// Sets the entry of `page`, which is in no huge mapping; `.none` removes it.
    @inline(__always)
    public mutating func set(_ page: Page, _ entry: PageEntry) {
        if let leaf = leaf(page) {
            let index = Self.index(page, level: 0)
            let old = leaf[index]
            if old != 0, !entry.isNone {
                leaf[index] = entry.word
                return
            }
        }
        setSlow(page, entry)
    }

    @inline(never)
    private mutating func setSlow(_ page: Page, _ entry: PageEntry) {
        if entry.isNone { return removeAll(PageRange(page)) { _, _ in } }
        if mayForget, !hasRoom(for: page) { return }
        let lower = makeNodes(page, above: 1)
        let last = Self.index(page, level: 1)
        if lower[last] == 0 { makeChild(lower, last) }
        let node = Self.child(lower, last)
        let index = Self.index(page, level: 0)
        if node[index] == 0 { node[Self.countIndex] += 1 }
        node[index] = entry.word
    }

    /// The node at `level` on the way to `page`, made with those above it where it is missing.
    private mutating func makeNodes(_ page: Page, above level: Int) -> Node {
        var node = root
        for level in stride(from: Self.topLevel, to: level, by: -1) {
            let index = Self.index(page, level: level)
            if node[index] == 0 { makeChild(node, index) }
            node = Self.child(node, index)
        }
        return node
    }

    private func makeChild(_ node: Node, _ index: Int) {
        node[index] = UInt64(UInt(bitPattern: Self.makeNode()))
        budget.used += 1
        node[Self.countIndex] += 1
    }

    /// Makes a node of the last level for `page`, be there anything to put into it or not. It has been promised.
    mutating func cover(_ page: Page) {
        guard !isCovered(page) else { return }
        makeChild(makeNodes(page, above: 1), Self.index(page, level: 1))
    }

    /// The first page of the first node of the last level, even an empty one, that has pages from `page` up to `end`.
    func nextNode(from page: Page, before end: Page) -> Page? {
        var page = page
        while let found = nextPart(from: page, before: end) {
            if !found.isHuge { return found.base }
            page = found.base + 512
        }
        return nil
    }

    /// The first node of the last level, even an empty one, or huge mapping that has pages from `page` up to `end`.
    func nextPart(from page: Page, before end: Page) -> (base: Page, isHuge: Bool)? {
        Self.firstLeaf(root, level: Self.topLevel, base: Page(number: 0), from: page, before: end, evenEmpty: true)
            .map { ($0.base, $0.word == 0) }
    }

    /// Nodes that entries of all pages of `range` would need and that are not there.
    func missingNodes(_ range: PageRange) -> UInt64 {
        var missing = NodeCount()
        var page = range.start
        while page < range.end {
            if !isCovered(page) { missing.add(page, hasLeaf: true, besides: self) }
            page = page.endOfTable
        }
        return missing.count
    }

    /// There is a node of the level above the one that `hasSlot` looks for.
    fileprivate func hasUpper(_ page: Page) -> Bool { root[Self.index(page, level: Self.topLevel)] != 0 }

    /// Makes or replaces the huge mapping of the 512 pages from `base`, where no node is.
    mutating func setHuge(_ base: Page, _ entry: PageEntry) {
        let lower = makeNodes(base, above: 1)
        let index = Self.index(base, level: 1)
        if lower[index] == 0 { lower[Self.countIndex] += 1 }
        lower[index] = entry.word
    }

    /// Removes a huge mapping and leaves nothing there.
    mutating func removeHuge(_ base: Page) {
        let lower = makeNodes(base, above: 1)
        lower[Self.index(base, level: 1)] = 0
        lower[Self.countIndex] -= 1
    }

    /// Makes a node of 512 entries of a huge mapping. Kernel: __split_huge_pmd().
    mutating func splitHuge(_ base: Page) {
        guard let slot = slot(base), Self.isHuge(slot.pointee) else { return }
        let entry = PageEntry(word: slot.pointee).small
        let node = Self.makeNode()
        for offset in 0..<512 { node[offset] = entry.page(UInt64(offset)).word }
        node[Self.countIndex] = 512
        budget.used += 1
        slot.pointee = UInt64(UInt(bitPattern: node))
    }

    /// Removes every entry of `range`, showing each to `body` first: a huge mapping, which must lie in `range`, once.
    /// Costs only what is populated.
    public mutating func removeAll(_ range: PageRange, _ body: (Page, PageEntry) -> Void) {
        guard !range.isEmpty, !isEmpty else { return }
        budget.used -= Self.remove(root, level: Self.topLevel, base: Page(number: 0), range, keeps: !mayForget, body)
    }

    /// Returns how many nodes below `node` became empty and were freed.
    private static func remove(
        _ node: Node, level: Int, base: Page, _ range: PageRange, keeps: Bool, _ body: (Page, PageEntry) -> Void
    ) -> UInt64 {
        var freed: UInt64 = 0
        let span: UInt64 = 1 << UInt64(level * 9)
        let first = range.start <= base ? 0 : Int((range.start - base) / span)
        let last = min(511, Int((range.end - base - 1) / span))
        for index in first...last where node[index] != 0 {
            let page = base + UInt64(index) * span
            if level == 0 || isHuge(node[index]) {
                body(page, PageEntry(word: node[index]))
                node[index] = 0
                node[countIndex] -= 1
            } else {
                let below = child(node, index)
                freed += remove(below, level: level - 1, base: page, range, keeps: keeps, body)
                if below[countIndex] == 0, !keeps { freed += drop(node, index) }
            }
        }
        return freed
    }

    private static func drop(_ node: Node, _ index: Int) -> UInt64 {
        child(node, index).deallocate()
        node[index] = 0
        node[countIndex] -= 1
        return 1
    }

    /// Gives back the empty nodes that cover nothing outside `range`. Kernel: free_pgtables().
    mutating func prune(_ range: PageRange) {
        guard !range.isEmpty else { return }
        budget.used -= Self.prune(root, level: Self.topLevel, base: Page(number: 0), range)
    }

    private static func prune(_ node: Node, level: Int, base: Page, _ range: PageRange) -> UInt64 {
        var freed: UInt64 = 0
        let span: UInt64 = 1 << UInt64(level * 9)
        let first = range.start <= base ? 0 : Int((range.start - base) / span)
        let last = min(511, Int((range.end - base - 1) / span))
        for index in first...last where node[index] != 0 && !isHuge(node[index]) {
            let below = child(node, index)
            let page = base + UInt64(index) * span
            if level > 1 { freed += prune(below, level: level - 1, base: page, range) }
            let isInside = range.start <= page && page + span <= range.end
            if below[countIndex] == 0, isInside || level > 1 { freed += drop(node, index) }
        }
        return freed
    }

    /// Consecutive pages of one node of the last level, or of one huge mapping.
    struct LeafPiece {
        let start: Page
        let count: Int
        /// The words of a node from `start` on; nil for a huge mapping.
        let words: Node?
        /// The entry of `start` in a huge mapping.
        let huge: PageEntry

        @inline(__always)
        subscript(offset: Int) -> PageEntry {
            guard let words else { return huge.page(UInt64(offset)) }
            return PageEntry(word: words[offset])
        }
    }

    /// The populated node or huge mapping at or after `page`, cut to the pages from `page` up to `end`; nil when there
    /// is none.
    @inline(__always)
    func nextLeaf(from page: Page, before end: Page) -> LeafPiece? {
        guard page < end else { return nil }
        if let leaf = leaf(page) {
            return LeafPiece(
                start: page, count: Int(min(page.endOfTable, end) - page), words: leaf + Self.index(page, level: 0),
                huge: .none)
        }
        return nextLeafSlow(from: page, before: end)
    }

    @inline(never)
    private func nextLeafSlow(from page: Page, before end: Page) -> LeafPiece? {
        guard let found = Self.firstLeaf(root, level: Self.topLevel, base: Page(number: 0), from: page, before: end)
        else { return nil }
        let start = max(page, found.base)
        let offset = start - found.base
        return LeafPiece(
            start: start, count: Int(min(found.base + 512, end) - start),
            words: found.word == 0 ? nil : Self.node(found.word) + Int(offset), huge: found.huge.page(offset))
    }

    private static func firstLeaf(
        _ node: Node, level: Int, base: Page, from page: Page, before end: Page, evenEmpty: Bool = false
    ) -> (word: UInt64, huge: PageEntry, base: Page)? {
        let span: UInt64 = 1 << UInt64(level * 9)
        var index = page <= base ? 0 : Int((page - base) / span)
        while index < 512 {
            let start = base + UInt64(index) * span
            if start >= end { return nil }
            let word = node[index]
            if isHuge(word) { return (0, PageEntry(word: word), start) }
            if word != 0 {
                if level == 1 {
                    if evenEmpty || Self.node(word)[countIndex] > 0 { return (word, .none, start) }
                } else if let found = firstLeaf(
                    Self.node(word), level: level - 1, base: start, from: page, before: end, evenEmpty: evenEmpty)
                {
                    return found
                }
            }
            index += 1
        }
        return nil
    }

    /// The first page of the first slot of 1 GiB in `range` that has any entry, in `range` or not, cut to `range`; nil
    /// when there is none.
    func firstPopulatedGibibyte(in range: PageRange) -> Page? {
        let mask: UInt64 = 0x3ffff
        let end = Page(number: (range.end.number + mask) & ~mask)
        guard let leaf = nextLeaf(from: Page(number: range.start.number & ~mask), before: end) else { return nil }
        return max(range.start, Page(number: leaf.start.number & ~mask))
    }
}

/// Nodes of a page table, the root apart, as pages are added in ascending order.
struct NodeCount: Equatable, Sendable {
    private(set) var count: UInt64 = 0
    /// The numbers of the last node counted of each level.
    private var leaf: UInt64?
    private var middle: UInt64?
    private var upper: UInt64?

    /// Counts the nodes on the way to `page`, with the last level's or without it, where a huge mapping is.
    mutating func add(_ page: Page, hasLeaf: Bool) {
        if hasLeaf { Self.add(page.number >> 9, &leaf, &count) }
        Self.add(page.number >> 18, &middle, &count)
        Self.add(page.number >> 27, &upper, &count)
    }

    /// The same, but for those that `table` has.
    mutating func add(_ page: Page, hasLeaf: Bool, besides table: borrowing PageTable) {
        if hasLeaf { Self.add(page.number >> 9, &leaf, &count) }
        if !table.hasSlot(page) { Self.add(page.number >> 18, &middle, &count) }
        if !table.hasUpper(page) { Self.add(page.number >> 27, &upper, &count) }
    }

    /// Counts one that is wherever it may be.
    mutating func addOne() { count += 1 }

    private static func add(_ number: UInt64, _ last: inout UInt64?, _ count: inout UInt64) {
        if last != number { count += 1 }
        last = number
    }
}

/// What the nodes of all page tables of a machine may be. Entries of the zero page and those of devices have no frames
/// of their own, so the limit of frames does not bound them. Kernel: page tables are charged to the memory cgroup.
final class NodeBudget {
    /// Nodes in use, the roots apart.
    var used: UInt64 = 0
    var limit: UInt64
    /// Nodes set aside for work that waits, see `Promise`.
    var promised: UInt64 = 0

    init(limit: UInt64) { self.limit = limit }

    var isSpent: Bool { used + promised >= limit }
    var free: UInt64 { isSpent ? 0 : limit - used - promised }
}
