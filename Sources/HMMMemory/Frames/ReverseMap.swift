/// The areas that may map pages of one object, by where in the object they are: how the mappings of a frame are found.
/// Kernel: the interval trees of `struct anon_vma` and `struct address_space`.
struct ReverseMap: Sendable {
    /// An area of an address space that shows the pages of the object from `start` up to `end`.
    struct Link: Hashable, Sendable {
        let space: SpaceID
        /// Page offsets in the object.
        let start: UInt64
        let end: UInt64
        /// The area's first page.
        let page: Page

        var length: UInt64 { end - start }
    }

    /// Whose map it is.
    struct Owner: Equatable, Sendable {
        let object: UInt32
        let isAnonymous: Bool
        /// Objects that have gone before: their numbers are used again.
        var removals: UInt64 = 0
    }

    /// In ascending order of `start`; of equal ones the older first, as the kernel walks them.
    private(set) var links: [Link] = [] { didSet { version &+= 1 } }
    /// Changes with every link that comes or goes.
    private(set) var version: UInt64 = 0
    /// No link is longer, and how many are as long.
    private var longest: UInt64 = 0
    private var longestCount = 0

    var isEmpty: Bool { links.isEmpty }

    /// Returns how many links it has moved.
    @discardableResult
    mutating func insert(_ link: Link) -> Int {
        let index = firstIndex(startingAfter: link.start)
        links.insert(link, at: index)
        if link.length > longest { (longest, longestCount) = (link.length, 0) }
        if link.length == longest { longestCount += 1 }
        return links.count - index
    }

    /// Takes links out, however many, in one pass. Returns how many it has looked at or moved.
    @discardableResult
    mutating func remove(_ gone: [Link]) -> Int {
        guard var low = gone.first?.start, var high = gone.first?.start else { return 0 }
        for link in gone {
            low = min(low, link.start)
            high = max(high, link.start)
        }
        let first = low == 0 ? 0 : firstIndex(startingAfter: low - 1)
        let end = firstIndex(startingAfter: high)
        if gone.count == 1 {
            if let index = links[first..<end].firstIndex(of: gone[0]) { forget(links.remove(at: index)) }
        } else {
            var gone = Set(gone)
            var kept: [Link] = []
            for link in links[first..<end] {
                if gone.remove(link) == nil { kept.append(link) } else { forget(link) }
            }
            links.replaceSubrange(first..<end, with: kept)
        }
        return 4 * (end - first) + links.count - first + measure()
    }

    private mutating func forget(_ link: Link) { if link.length == longest { longestCount -= 1 } }

    /// Once none is as long any more, finds out how long they are: or else everyone would look for ever at all that
    /// lies as far before as that one reached. Returns how many it has looked at.
    private mutating func measure() -> Int {
        guard longestCount == 0 else { return 0 }
        longest = links.reduce(0) { max($0, $1.length) }
        longestCount = links.count { $0.length == longest }
        return links.count
    }

    private func firstIndex(startingAfter start: UInt64) -> Int {
        var low = 0
        var high = links.count
        while low < high {
            let middle = (low + high) / 2
            if links[middle].start <= start { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Where a link is; nil if it is not there. One that is beside `hint` is found at once: areas that are neighbours
    /// have been added one after the other. Else all that begin where it does are looked at, as `looked` counts.
    func position(of link: Link, near hint: Int, _ looked: inout UInt64) -> Int? {
        looked += 1
        for near in (hint - 1)...(hint + 1) where links.indices.contains(near) && links[near] == link { return near }
        var position = link.start == 0 ? 0 : firstIndex(startingAfter: link.start - 1)
        while position < links.count, links[position].start == link.start {
            if links[position] == link { return position }
            looked += 1
            position += 1
        }
        return nil
    }

    /// Where `index` may be mapped, in the kernel's order; `body` returns false to stop. Returns how many links it has
    /// looked at.
    @discardableResult
    func forEach(_ index: UInt64, _ body: (SpaceID, Page) -> Bool) -> Int {
        let first = firstPosition(showing: index)
        var position = first
        while position < links.count, links[position].start <= index {
            let link = links[position]
            position += 1
            if index < link.end, !body(link.space, link.page + (index - link.start)) { break }
        }
        return position - first
    }

    /// The parts of areas that show offsets from `start` up to `end`, and how many links had to be looked at.
    func parts(_ start: UInt64, _ end: UInt64) -> (parts: [Hold], looked: Int) {
        let near = links[firstPosition(showing: start)...].prefix { $0.start < end }
        return (near.compactMap { Self.part($0, start, end) }, near.count)
    }

    /// No link before it shows offsets from `start` on.
    func firstPosition(showing start: UInt64) -> Int {
        longest > start ? 0 : firstIndex(startingAfter: start - longest)
    }

    /// What a link shows of the offsets from `start` up to `end`.
    static func part(_ link: Link, _ start: UInt64, _ end: UInt64) -> Hold? {
        let low = max(start, link.start)
        let high = min(end, link.end)
        guard low < high else { return nil }
        return Hold(
            space: link.space, range: PageRange(link.page + (low - link.start), link.page + (high - link.start)))
    }
}

/// Memory that belongs to address spaces alone, as the areas forked from one another share it. Kernel: `struct
/// anon_vma`.
struct AnonymousObject: Sendable {
    var map = ReverseMap()
    /// The object of the area this one's was forked from; 0 for none. Kernel: anon_vma->parent.
    var parent: UInt32 = 0
    /// Objects whose parent this is, itself included when it has none. Kernel: num_children.
    var children: UInt32 = 0
    /// Areas that put their new pages into it. Kernel: num_active_vmas.
    var active: UInt32 = 0
}
