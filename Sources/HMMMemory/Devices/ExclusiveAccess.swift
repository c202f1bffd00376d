/// Takes pages away from the CPU for one device alone. Kernel: make_device_exclusive_range() and the EXCLUSIVE command
/// of lib/test_hmm.c.
public struct ExclusiveAccess: SteppedWork {
    public let mirror: MirrorID
    public let space: SpaceID
    public let device: DeviceID
    public let pages: PageRange
    private let exempt: [MirrorID]
    private let batch: UInt64
    private var phase = Phase.getting
    /// The batch at work, and how far it has come.
    private var part: PageRange
    private var cursor: Page
    /// One past the last page of the batch that the CPU's fault path gave.
    private var got: Page
    /// What has been announced and not changed yet: pages elsewhere, or the parts of a huge page.
    public private(set) var told: [Hold] = []
    private var farewell = Farewell()
    private var pending: PageChange?
    /// Why the CPU's fault path stopped short.
    private var stopped: MemoryFault.Cause?
    /// Pages of the batch that could be had.
    private var held: [Page] = []
    /// How many of those the device has in its table.
    private var installed = 0

    private enum Phase: Equatable {
        /// The pages are made present and writable. Kernel: get_user_pages_remote() with FOLL_WRITE.
        case getting
        /// They are taken from the CPU one after the other.
        case taking
        /// The device gets its entries.
        case installing
    }

    /// `exempt` mirrors are not told that the pages become exclusive.
    public init(_ mirror: MirrorID, _ pages: PageRange, batch: UInt64, exempt: [MirrorID], _ machine: borrowing Machine)
    {
        self.mirror = mirror
        let index = machine.mirrors.index(of: mirror)
        space = index.map { machine.mirrors[$0].space } ?? SpaceID(rawValue: 0)
        device = index.map { machine.mirrors[$0].device } ?? DeviceID(rawValue: 0)
        self.pages = pages
        self.batch = batch
        self.exempt = exempt
        part = Self.part(pages.start, pages, batch)
        cursor = pages.start
        got = pages.start
    }

    private static func part(_ start: Page, _ pages: PageRange, _ batch: UInt64) -> PageRange {
        PageRange(start, batch < pages.end - start ? start + batch : pages.end)
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, pages.start)) }
        while true {
            let step =
                switch phase {
                case .getting: get(&machine, index)
                case .taking: take(&machine, index)
                case .installing: finishBatch(&machine, index)
                }
            if let step { return step }
        }
    }

    /// Faults pages in for writing. Where that fails the pages before are taken all the same, which is what the kernel
    /// does.
    private mutating func get(_ machine: inout Machine, _ index: Int) -> Step? {
        while cursor < part.end {
            if machine.isSliceSpent { return .more }
            machine.spend(Slice.entry)
            let area = machine.spaces[index].areas.area(at: cursor)
            guard let area, area.isWritable, area.kind != .io else {
                stopped = area?.isReadable == true ? .notWritable : .notMapped
                break
            }
            let entry = machine.spaces[index].table[cursor]
            // Before anything else, be it writable or not. Kernel: FOLL_SPLIT_PMD.
            if entry.isHuge, entry.hasFrame, area.kind != .hugetlb { return machine.split(space, cursor, &pending) }
            if entry.isPresent, entry.isWritable {
                cursor = cursor + 1
                continue
            }
            switch machine.handleFault(space, cursor, upTo: part.end, .write) {
            case .ready: continue
            case .invalidate(let invalidation, let change):
                pending = change
                return .invalidate(invalidation)
            case .failed(.limit): return .failed(MemoryFault(.limit, cursor))
            case .failed(let cause):
                stopped = cause
                return beginTaking()
            }
        }
        return beginTaking()
    }

    private mutating func beginTaking() -> Step? {
        got = cursor
        cursor = part.start
        phase = .taking
        return nil
    }

    private mutating func take(_ machine: inout Machine, _ index: Int) -> Step? {
        while cursor < got {
            if machine.isSliceSpent { return .more }
            machine.spend(8 * Slice.entry)
            if let step = takeOne(&machine, index) { return step }
            if !told.isEmpty { told = [] }
            farewell.end()
            cursor = cursor + 1
        }
        phase = .installing
        return nil
    }

    private mutating func takeOne(_ machine: inout Machine, _ index: Int) -> Step? {
        let entry = machine.spaces[index].table[cursor]
        guard entry.isPresent, entry.hasFrame, !entry.isHuge else { return nil }
        let frame = machine.physical.frame(entry.frame).pointee
        let isTail = frame.isLarge && entry.frame.number & 511 != 0
        guard frame.isAnonymous, !isTail, !frame.isLocked else { return nil }
        if let range = nextToTell(entry.frame, frame.isLarge, &machine) {
            told.append(range)
            // Of the rest of a huge page, which goes too, whoever asked for a part knows nothing.
            let isAsked = range.space == space && pages.contains(range.range)
            return .invalidate(
                Invalidation(
                    range.space, range.range, .exclusive, owner: device,
                    exempt: isAsked || !frame.isLarge ? exempt : []))
        }
        if machine.makeExclusive(Place(space: space, page: cursor), entry) { held.append(cursor) }
        // Whoever was not told has lost them all the same.
        machine.update(index, exempt, cursor, .none)
        guard frame.isLarge else { return nil }
        for part in machine.parts(of: entry.frame) where part.space == space {
            for offset in 0..<part.range.count { machine.update(index, exempt, part.range.start + offset, .none) }
        }
        return nil
    }

    /// The next range to tell that the page, or the huge page it is the first of, is a device's alone from now on.
    private mutating func nextToTell(_ frame: FrameNumber, _ isLarge: Bool, _ machine: inout Machine) -> Hold? {
        guard isLarge else {
            return farewell.next(frame, taken: nil, &machine).map { Hold(space: $0.space, range: PageRange($0.page)) }
        }
        guard let part = farewell.nextPart(frame, &machine), let index = machine.spaces.index(of: part.space) else {
            return nil
        }
        // As long as a huge page, however much of it is in the area.
        let end = machine.spaces[index].areas.area(at: part.range.start)?.range.end ?? part.range.end
        return Hold(space: part.space, range: PageRange(part.range.start, min(end, part.range.start + 512)))
    }

    /// The device gets its entries, unless the CPU could not give all pages.
    private mutating func finishBatch(_ machine: inout Machine, _ index: Int) -> Step? {
        guard let position = machine.mirrors.index(of: mirror) else {
            return .failed(MemoryFault(.gone, part.start))
        }
        while got == part.end, installed < held.count {
            if machine.isSliceSpent { return .more }
            machine.spend(Slice.entry)
            let page = held[installed]
            let entry = machine.spaces[index].table[page]
            if entry.kind == .exclusive { machine.mirrors[position].table.set(page, entry) }
            installed += 1
        }
        guard got == part.end, UInt64(held.count) == part.count else {
            let missing = held.indices.first { held[$0] != part.start + UInt64($0) } ?? held.count
            let profile = machine.profile(of: device)
            let cause = profile.hidesExclusiveFailure ? nil : stopped
            return .failed(MemoryFault(cause ?? .notExclusive, cause == nil ? part.start + UInt64(missing) : got))
        }
        guard part.end < pages.end else { return .done }
        part = Self.part(part.end, pages, batch)
        cursor = part.start
        held = []
        installed = 0
        phase = .getting
        return nil
    }
}

extension Machine {
    /// Takes a page, or all that is still mapped of the huge page it is the first of, away from the CPU; true when
    /// nothing maps it any more. Kernel: folio_make_device_exclusive().
    mutating func makeExclusive(_ place: Place, _ entry: PageEntry) -> Bool {
        guard physical.frame(entry.frame).pointee.isLarge else {
            let isValid = takeFromCPU(place, entry.frame..<entry.frame.advanced(1), asked: place)
            return isValid == true && physical.frame(entry.frame).pointee.mappings == 0
        }
        let frames = entry.frame..<entry.frame.advanced(512)
        var isValid = false
        parts: for part in parts(of: entry.frame) {
            for offset in 0..<part.range.count {
                switch takeFromCPU(Place(space: part.space, page: part.range.start + offset), frames, asked: place) {
                case true?: isValid = true
                case false?: break
                // What is not present ends the search.
                case nil: break parts
                }
            }
        }
        return isValid && !(0..<512).contains { physical.frame(entry.frame.advanced($0)).pointee.mappings > 0 }
    }

    /// Makes the entry of a place exclusive if it maps one of `frames`: true when it is the one asked for, and
    /// writable; nil when it is not present.
    private mutating func takeFromCPU(_ place: Place, _ frames: Range<FrameNumber>, asked: Place) -> Bool? {
        guard let index = spaces.index(of: place.space) else { return false }
        let entry = spaces[index].table[place.page]
        guard entry.hasFrame, frames.contains(entry.frame) else { return false }
        guard entry.isPresent else { return nil }
        spaces[index].table.set(place.page, PageEntry(.exclusive, entry.frame, writable: entry.isWritable))
        physical.frame(entry.frame).pointee.mappings -= 1
        return place == asked && entry.isWritable
    }
}

/// Counts the pages of a range that a mirror's device has for itself.
public struct ExclusiveCount: SteppedWork {
    public let mirror: MirrorID
    public let range: PageRange
    public private(set) var count: UInt64 = 0
    private var cursor: Page

    public init(_ mirror: MirrorID, _ range: PageRange) {
        self.mirror = mirror
        self.range = range
        cursor = range.start
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.mirrors.index(of: mirror) else { return .failed(MemoryFault(.gone, range.start)) }
        while let piece = machine.mirrors[index].table.nextLeaf(from: cursor, before: range.end) {
            if machine.isSliceSpent { return .more }
            machine.spend(UInt64(piece.count) * Slice.entry)
            for offset in 0..<piece.count where piece[offset].kind == .exclusive { count += 1 }
            cursor = piece.start + UInt64(piece.count)
        }
        return .done
    }
}
