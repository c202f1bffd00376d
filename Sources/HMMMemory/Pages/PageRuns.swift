/// A run of pages with equal state and, where they have frames, consecutive frames.
public struct PageRun: Equatable, Sendable {
    /// What a device is told of a page. Kernel: the bits of hmm_range_fault()'s output.
    public enum State: Equatable, Sendable {
        /// No area, or one a device may not use. Kernel: HMM_PFN_ERROR.
        case error
        case none
        case zero
        case system(writable: Bool)
        /// Private memory of the asking device, or of its group.
        case devicePrivate(writable: Bool)
        /// Memory of a device that the CPU can address, too.
        case coherent(DeviceID, writable: Bool)
    }

    public let start: Page
    public var count: UInt64
    public let state: State
    /// log2 of the pages that one mapping holds there: 9 or 0. Kernel: hmm_pfn_to_map_order().
    public var order: UInt8 = 0
    /// The frame of the first page; nil for states without one.
    public let frame: FrameNumber?
}

extension Machine {
    /// Shows the pages of a range as `device` sees them, in runs. Kernel: hmm_range_fault() without a request.
    @inline(__always)
    public func forEachRun(_ space: SpaceID, _ range: PageRange, for device: DeviceID, _ body: (PageRun) -> Void) {
        guard let index = spaces.index(of: space), let group = group(of: device) else { return }
        var page = range.start
        while page < range.end {
            guard let area = spaces[index].areas.area(at: page), area.isReadable else {
                let end = spaces[index].areas.endOfUnusable(from: page, before: range.end)
                body(PageRun(start: page, count: end - page, state: .error, frame: nil))
                page = end
                continue
            }
            let part = PageRange(page, min(area.range.end, range.end))
            forEachRun(inArea: index, part, for: group, body)
            page = part.end
        }
    }

    @inline(__always)
    private func forEachRun(
        inArea index: Int, _ part: PageRange, for group: UInt32, _ body: (PageRun) -> Void
    ) {
        var page = part.start
        while let piece = spaces[index].table.nextLeaf(from: page, before: part.end) {
            if piece.start > page { body(PageRun(start: page, count: piece.start - page, state: .none, frame: nil)) }
            page = piece.start + UInt64(piece.count)
            guard let words = piece.words else {
                body(run(piece.start, UInt64(piece.count), piece.huge, group))
                continue
            }
            var offset = 0
            while offset < piece.count {
                let first = offset
                offset = Self.endOfRun(words, offset, piece.count)
                body(run(piece.start + UInt64(first), UInt64(offset - first), PageEntry(word: words[first]), group))
            }
        }
        if page < part.end { body(PageRun(start: page, count: part.end - page, state: .none, frame: nil)) }
    }

    /// One past the last word that continues the run of the word at `offset`.
    @inline(__always)
    private static func endOfRun(_ words: UnsafeMutablePointer<UInt64>, _ offset: Int, _ count: Int) -> Int {
        let word = words[offset]
        let step = PageEntry(word: word).hasFrame ? PageEntry.nextFrame : 0
        var expected = word &+ step
        var next = offset + 1
        while next < count, words[next] == expected {
            expected &+= step
            next += 1
        }
        return next
    }

    @inline(__always)
    private func run(_ start: Page, _ count: UInt64, _ entry: PageEntry, _ group: UInt32) -> PageRun {
        guard let state = state(entry, group) else {
            return PageRun(start: start, count: count, state: .none, frame: nil)
        }
        return PageRun(
            start: start, count: count, state: state, order: entry.isHuge ? 9 : 0,
            frame: entry.hasFrame ? entry.frame : nil)
    }

    /// What an entry is to a device of a group; nil where it looks as if nothing were there, as another's private
    /// memory does.
    @inline(__always)
    private func state(_ entry: PageEntry, _ group: UInt32) -> PageRun.State? {
        switch entry.kind {
        case .none, .migrating, .exclusive: return nil
        case .zero: return .zero
        case .system: return .system(writable: entry.isWritable)
        case .devicePrivate:
            return self.group(of: entry.frame) == group ? .devicePrivate(writable: entry.isWritable) : nil
        case .coherent:
            return device(of: entry.frame).map { .coherent($0, writable: entry.isWritable) }
        }
    }
}
