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

/// A look at a range as a mirror's device sees it: how its pages lie, in slices.
public struct RunLook: SteppedWork {
    public let mirror: MirrorID
    public let range: PageRange
    public private(set) var runs: [PageRun] = []
    /// No more runs are wanted than that.
    private let most: Int
    private var cursor: Page

    public init(_ mirror: MirrorID, _ range: PageRange, most: Int) {
        self.mirror = mirror
        self.range = range
        self.most = most
        cursor = range.start
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.mirrors.index(of: mirror) else { return .done }
        let space = machine.mirrors[index].space
        guard machine.spaces.contains(space) else { return .failed(MemoryFault(.gone, range.start)) }
        while cursor < range.end {
            if machine.isSliceSpent { return .more }
            let most = machine.entriesLeft
            var looked: UInt64 = 0
            machine.forEachRun(space, PageRange(cursor, range.end), for: machine.mirrors[index].device) { run in
                runs.add(run)
                cursor = run.start + run.count
                // What is longer than a table is one hole, or mapped as one.
                looked += run.count <= 512 ? 8 + run.count : 8
                return looked < most && runs.count <= self.most
            }
            machine.spend(looked * Slice.entry)
            if looked == 0 || runs.count > self.most { cursor = range.end }
        }
        return .done
    }
}

/// Pages in a row that are alike.
protocol JoinedRun {
    var count: UInt64 { get set }
    /// Both are one run.
    func continues(with next: Self) -> Bool
}

extension Array where Element: JoinedRun {
    /// Adds pages, as part of the last run where they continue it.
    mutating func add(_ run: Element) {
        if let last, last.continues(with: run) {
            self[count - 1].count += run.count
        } else {
            append(run)
        }
    }
}

extension PageRun: JoinedRun {
    func continues(with next: PageRun) -> Bool {
        guard state == next.state, order == next.order else { return false }
        return frame.map { $0.number + count } == next.frame?.number
    }
}

extension Machine {
    /// Shows the pages of a range as `device` sees them, in runs, until `body` returns false. Kernel: hmm_range_fault()
    /// without a request.
    @inline(__always)
    public func forEachRun(_ space: SpaceID, _ range: PageRange, for device: DeviceID, _ body: (PageRun) -> Bool) {
        guard let index = spaces.index(of: space), let group = group(of: device) else { return }
        var page = range.start
        while page < range.end {
            guard let area = spaces[index].areas.area(at: page), area.isReadable else {
                let end = spaces[index].areas.endOfUnusable(from: page, before: range.end)
                guard body(PageRun(start: page, count: end - page, state: .error, frame: nil)) else { return }
                page = end
                continue
            }
            let part = PageRange(page, min(area.range.end, range.end))
            guard forEachRun(inArea: index, part, for: group, body) else { return }
            page = part.end
        }
    }

    @inline(__always)
    private func forEachRun(
        inArea index: Int, _ part: PageRange, for group: UInt32, _ body: (PageRun) -> Bool
    ) -> Bool {
        var page = part.start
        while let piece = spaces[index].table.nextLeaf(from: page, before: part.end) {
            if piece.start > page, !body(Self.hole(page, piece.start)) { return false }
            page = piece.start + UInt64(piece.count)
            guard let words = piece.words else {
                guard body(run(piece.start, UInt64(piece.count), piece.huge, group)) else { return false }
                continue
            }
            var offset = 0
            while offset < piece.count {
                let first = offset
                offset = Self.endOfRun(words, offset, piece.count)
                let entry = PageEntry(word: words[first])
                guard body(run(piece.start + UInt64(first), UInt64(offset - first), entry, group)) else { return false }
            }
        }
        return page == part.end || body(Self.hole(page, part.end))
    }

    private static func hole(_ start: Page, _ end: Page) -> PageRun {
        PageRun(start: start, count: end - start, state: .none, frame: nil)
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
