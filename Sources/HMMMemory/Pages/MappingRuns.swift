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

/// A look at what a range of an address space maps, run by run, in slices.
public struct MappingLook: SteppedWork {
    public let space: SpaceID
    public let range: PageRange
    public private(set) var runs: [MappingRun] = []
    /// No more runs are wanted than that.
    private let most: Int
    private var cursor: Page

    public init(_ space: SpaceID, _ range: PageRange, most: Int) {
        self.space = space
        self.range = range
        self.most = most
        cursor = range.start
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        while cursor < range.end, runs.count <= most {
            if machine.isSliceSpent { return .more }
            let piece = machine.spaces[index].table.nextLeaf(from: cursor, before: range.end)
            let start = piece?.start ?? range.end
            if start > cursor { runs.add(.hole(cursor, start)) }
            cursor = start
            guard let piece else { break }
            for offset in 0..<piece.count { runs.add(machine.run(start + UInt64(offset), piece[offset])) }
            cursor = start + UInt64(piece.count)
            machine.spend(2 * UInt64(piece.count) * Slice.entry)
        }
        return .done
    }
}

extension MappingRun: JoinedRun {
    fileprivate static func hole(_ start: Page, _ end: Page) -> MappingRun {
        MappingRun(start: start, count: end - start, entry: .none, frame: nil, mappings: 0, references: 0)
    }

    func continues(with next: MappingRun) -> Bool {
        guard start + count == next.start, mappings == next.mappings, references == next.references else {
            return false
        }
        guard frame != nil else { return entry == next.entry }
        return PageEntry(word: entry.word &+ count << 12) == next.entry
    }
}

extension Machine {
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

    /// Forgets the first `count` of the device frames that have been freed: whoever wants to know does.
    public mutating func forgetFreedFrames(_ count: Int) {
        spend(UInt64(count) * Slice.entry)
        if count == freedDeviceFrames.count { freedDeviceFrames = [] } else { freedDeviceFrames.removeFirst(count) }
    }

    fileprivate func run(_ page: Page, _ entry: PageEntry) -> MappingRun {
        guard entry.hasFrame else {
            return MappingRun(start: page, count: 1, entry: entry, frame: nil, mappings: 0, references: 0)
        }
        let frame = physical.frame(entry.frame).pointee
        return MappingRun(
            start: page, count: 1, entry: entry, frame: entry.frame, mappings: frame.mappings,
            references: frame.references)
    }
}
