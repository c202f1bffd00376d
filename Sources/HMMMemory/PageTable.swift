/// A four-level table of 512-entry nodes from virtual pages to `PageEntry` words; empty nodes are given back.
///
/// The CPU's view of an address space is one, and each mirror has one of its own for its device.
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
            for index in 0..<512 where node[index] != 0 { freed += free(child(node, index), level: level - 1) }
        }
        node.deallocate()
        return freed
    }

    /// A word of a node above the last level holds the address of the node below.
    @inline(__always)
    private static func child(_ node: Node, _ index: Int) -> Node {
        Node(bitPattern: UInt(truncatingIfNeeded: node[index])).unsafelyUnwrapped
    }

    @inline(__always)
    private static func index(_ page: Page, level: Int) -> Int {
        Int(truncatingIfNeeded: page.number >> UInt64(level * 9)) & 511
    }

    /// An entry of `page` has its node already, or may have one.
    func hasRoom(for page: Page) -> Bool { !budget.isSpent || leaf(page) != nil }

    /// No entry at all.
    public var isEmpty: Bool { root[Self.countIndex] == 0 }

    /// The entry of `page`.
    @inline(__always)
    public subscript(page: Page) -> PageEntry {
        guard let leaf = leaf(page) else { return .none }
        return PageEntry(word: leaf[Self.index(page, level: 0)])
    }

    @inline(__always)
    private func leaf(_ page: Page) -> Node? {
        let top = Self.index(page, level: 3)
        if root[top] == 0 { return nil }
        let upper = Self.child(root, top)
        let middle = Self.index(page, level: 2)
        if upper[middle] == 0 { return nil }
        let lower = Self.child(upper, middle)
        let last = Self.index(page, level: 1)
        return lower[last] == 0 ? nil : Self.child(lower, last)
    }

    /// Sets the entry of `page`; `.none` removes it and frees what becomes empty.
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
        if entry.isNone { return remove(page) }
        if mayForget, !hasRoom(for: page) { return }
        var node = root
        for level in [3, 2, 1] {
            let index = Self.index(page, level: level)
            if node[index] == 0 {
                node[index] = UInt64(UInt(bitPattern: Self.makeNode()))
                budget.used += 1
                node[Self.countIndex] += 1
            }
            node = Self.child(node, index)
        }
        let index = Self.index(page, level: 0)
        if node[index] == 0 { node[Self.countIndex] += 1 }
        node[index] = entry.word
    }

    private mutating func remove(_ page: Page) { removeAll(PageRange(page)) { _, _ in } }

    /// Removes every entry of `range`, showing each to `body` first, and frees the nodes that become empty. Costs only
    /// what is populated.
    public mutating func removeAll(_ range: PageRange, _ body: (Page, PageEntry) -> Void) {
        guard !range.isEmpty else { return }
        budget.used -= Self.remove(root, level: Self.topLevel, base: Page(number: 0), range, body)
    }

    /// Returns how many nodes below `node` became empty and were freed.
    private static func remove(
        _ node: Node, level: Int, base: Page, _ range: PageRange, _ body: (Page, PageEntry) -> Void
    ) -> UInt64 {
        var freed: UInt64 = 0
        let span: UInt64 = 1 << UInt64(level * 9)
        let first = range.start <= base ? 0 : Int((range.start - base) / span)
        let last = min(511, Int((range.end - base - 1) / span))
        for index in first...last where node[index] != 0 {
            let page = base + UInt64(index) * span
            if level == 0 {
                body(page, PageEntry(word: node[index]))
                node[index] = 0
                node[countIndex] -= 1
            } else {
                let below = child(node, index)
                freed += remove(below, level: level - 1, base: page, range, body)
                if below[countIndex] == 0 {
                    below.deallocate()
                    freed += 1
                    node[index] = 0
                    node[countIndex] -= 1
                }
            }
        }
        return freed
    }

    /// Replaces entries of `range` by what `body` makes of them; it must not turn an entry into `.none`.
    public mutating func updateAll(_ range: PageRange, _ body: (Page, PageEntry) -> PageEntry) {
        var page = range.start
        while let piece = nextLeaf(from: page, before: range.end) {
            for offset in 0..<piece.count where piece.words[offset] != 0 {
                piece.words[offset] = body(piece.start + UInt64(offset), PageEntry(word: piece.words[offset])).word
            }
            page = piece.start + UInt64(piece.count)
        }
    }

    /// Consecutive words of one node of the last level.
    struct LeafPiece {
        let start: Page
        let words: Node
        let count: Int
    }

    /// The populated node at or after `page`, cut to the pages from `page` up to `end`; nil when there is none.
    @inline(__always)
    func nextLeaf(from page: Page, before end: Page) -> LeafPiece? {
        guard page < end else { return nil }
        if let leaf = leaf(page) {
            return LeafPiece(
                start: page, words: leaf + Self.index(page, level: 0),
                count: Int(min(page.endOfTable, end) - page))
        }
        return nextLeafSlow(from: page, before: end)
    }

    @inline(never)
    private func nextLeafSlow(from page: Page, before end: Page) -> LeafPiece? {
        guard let found = Self.firstLeaf(root, level: Self.topLevel, base: Page(number: 0), from: page, before: end)
        else { return nil }
        let start = max(page, found.base)
        return LeafPiece(
            start: start, words: found.node + Int(start - found.base), count: Int(min(found.base + 512, end) - start))
    }

    private static func firstLeaf(
        _ node: Node, level: Int, base: Page, from page: Page, before end: Page
    ) -> (node: Node, base: Page)? {
        if level == 0 { return (node, base) }
        let span: UInt64 = 1 << UInt64(level * 9)
        var index = page <= base ? 0 : Int((page - base) / span)
        while index < 512 {
            let start = base + UInt64(index) * span
            if start >= end { return nil }
            if node[index] != 0,
                let found = firstLeaf(child(node, index), level: level - 1, base: start, from: page, before: end)
            {
                return found
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

/// What the nodes of all page tables of a machine may be. Entries of the zero page and those of devices have no frames
/// of their own, so the limit of frames does not bound them. Kernel: page tables are charged to the memory cgroup.
final class NodeBudget {
    /// Nodes in use, the roots apart.
    var used: UInt64 = 0
    let limit: UInt64

    init(limit: UInt64) { self.limit = limit }

    var isSpent: Bool { used >= limit }
}
