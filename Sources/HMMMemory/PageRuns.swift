/// A run of pages with equal state and, where they have frames, consecutive frames.
public struct PageRun: Equatable, Sendable {
    /// What a device is told of a page. Kernel: the bits of hmm_range_fault()'s output.
    public enum State: Equatable, Sendable {
        /// No area, or one a device may not use. Kernel: HMM_PFN_ERROR.
        case error
        case none
        case zero
        case system(writable: Bool)
        /// Private memory of the asking device.
        case devicePrivate(writable: Bool)
    }

    public let start: Page
    public var count: UInt64
    public let state: State
    /// The frame of the first page; nil for states without one.
    public let frame: FrameNumber?
}

extension Machine {
    /// Shows the pages of a range as `device` sees them, in runs. Kernel: hmm_range_fault() without a request.
    @inline(__always)
    public func forEachRun(_ space: SpaceID, _ range: PageRange, for device: DeviceID, _ body: (PageRun) -> Void) {
        guard let index = spaces.index(of: space) else { return }
        var page = range.start
        while page < range.end {
            guard let area = spaces[index].areas.area(at: page), area.isReadable else {
                let end = endOfError(index, page, range.end)
                body(PageRun(start: page, count: end - page, state: .error, frame: nil))
                page = end
                continue
            }
            let part = PageRange(page, min(area.range.end, range.end))
            forEachRun(inArea: index, part, for: device, body)
            page = part.end
        }
    }

    private func endOfError(_ index: Int, _ page: Page, _ end: Page) -> Page {
        var next = page
        let areas = spaces[index].areas
        var position = areas.firstIndex(endingAfter: page)
        while next < end, position < areas.areas.count {
            let area = areas.areas[position]
            if area.range.start > next { next = area.range.start }
            if area.isReadable { return min(next, end) }
            next = area.range.end
            position += 1
        }
        return end
    }

    @inline(__always)
    private func forEachRun(
        inArea index: Int, _ part: PageRange, for device: DeviceID, _ body: (PageRun) -> Void
    ) {
        var page = part.start
        while let piece = spaces[index].table.nextLeaf(from: page, before: part.end) {
            if piece.start > page {
                body(PageRun(start: page, count: piece.start - page, state: .none, frame: nil))
            }
            var offset = 0
            while offset < piece.count {
                let entry = PageEntry(word: piece.words[offset])
                let first = offset
                offset = Self.endOfRun(piece.words, offset, piece.count)
                body(run(piece.start + UInt64(first), UInt64(offset - first), entry, device))
            }
            page = piece.start + UInt64(piece.count)
        }
        if page < part.end { body(PageRun(start: page, count: part.end - page, state: .none, frame: nil)) }
    }

    /// One past the last word that continues the run of the word at `offset`.
    @inline(__always)
    private static func endOfRun(_ words: UnsafeMutablePointer<UInt64>, _ offset: Int, _ count: Int) -> Int {
        let word = words[offset]
        let step = PageEntry(word: word).frame.number == 0 ? 0 : PageEntry.nextFrame
        var expected = word &+ step
        var next = offset + 1
        while next < count, words[next] == expected {
            expected &+= step
            next += 1
        }
        return next
    }

    @inline(__always)
    private func run(_ start: Page, _ count: UInt64, _ entry: PageEntry, _ viewer: DeviceID) -> PageRun {
        switch entry.kind {
        case .none, .migrating: return PageRun(start: start, count: count, state: .none, frame: nil)
        case .zero: return PageRun(start: start, count: count, state: .zero, frame: nil)
        case .system:
            return PageRun(
                start: start, count: count, state: .system(writable: entry.isWritable), frame: entry.frame)
        case .devicePrivate:
            // Another device's memory looks as if nothing were there.
            guard device(of: entry.frame) == viewer else {
                return PageRun(start: start, count: count, state: .none, frame: nil)
            }
            return PageRun(
                start: start, count: count, state: .devicePrivate(writable: entry.isWritable), frame: entry.frame)
        }
    }
}
