/// A run of pages with equal entries and, where they have frames, consecutive frames used alike: the CPU's page table
/// as root sees it. Kernel: /proc/pid/pagemap with /proc/kpagecount.
public struct MappingRun: Equatable, Sendable {
    public let start: Page
    public var count: UInt64
    /// The entry of the first page.
    public let entry: PageEntry
    public let frame: FrameNumber?
    public let mappings: UInt32
    public let references: UInt32
}

extension Machine {
    /// Shows what a range of an address space maps, run by run.
    public func forEachMapping(_ space: SpaceID, _ range: PageRange, _ body: (MappingRun) -> Void) {
        guard let index = spaces.index(of: space) else { return }
        var open: MappingRun?
        var page = range.start
        func add(_ run: MappingRun) {
            if var last = open, continues(last, run) {
                last.count += run.count
                open = last
            } else {
                if let open { body(open) }
                open = run
            }
        }
        while let piece = spaces[index].table.nextLeaf(from: page, before: range.end) {
            if piece.start > page { add(empty(page, piece.start - page)) }
            for offset in 0..<piece.count { add(run(piece.start + UInt64(offset), piece[offset])) }
            page = piece.start + UInt64(piece.count)
        }
        if page < range.end { add(empty(page, range.end - page)) }
        if let open { body(open) }
    }

    /// A page lies in private memory of a device.
    public func isOnDevice(_ space: SpaceID, anyOf pages: PageRange) -> Bool {
        guard let index = spaces.index(of: space) else { return false }
        var page = pages.start
        while page < pages.end {
            if spaces[index].table[page].kind == .devicePrivate { return true }
            page = page + 1
        }
        return false
    }

    /// Device frames freed since the last time, of devices that want to know.
    public mutating func takeFreedFrames() -> [FrameNumber] {
        defer { freedDeviceFrames.removeAll() }
        return freedDeviceFrames
    }

    private func empty(_ start: Page, _ count: UInt64) -> MappingRun {
        MappingRun(start: start, count: count, entry: .none, frame: nil, mappings: 0, references: 0)
    }

    private func run(_ page: Page, _ entry: PageEntry) -> MappingRun {
        guard entry.hasFrame else {
            return MappingRun(start: page, count: 1, entry: entry, frame: nil, mappings: 0, references: 0)
        }
        let frame = physical.frame(entry.frame).pointee
        return MappingRun(
            start: page, count: 1, entry: entry, frame: entry.frame, mappings: frame.mappings,
            references: frame.references)
    }

    private func continues(_ last: MappingRun, _ next: MappingRun) -> Bool {
        guard last.start + last.count == next.start, last.mappings == next.mappings,
            last.references == next.references
        else { return false }
        guard last.frame != nil else { return last.entry == next.entry }
        return PageEntry(word: last.entry.word &+ last.count << 12) == next.entry
    }
}
