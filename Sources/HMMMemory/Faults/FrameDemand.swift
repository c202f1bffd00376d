/// What an access is going to take, said beforehand, so that one which cannot be served takes nothing.
public struct FrameDemand: Equatable, Sendable {
    public let space: SpaceID
    public let pages: PageRange
    public let kind: Kind

    public enum Kind: Equatable, Sendable {
        /// Every page is loaded or stored, up to the first that may not be.
        case access(write: Bool)
        /// Every page that may be is loaded or stored.
        case sweep(write: Bool)
        /// Every page is written for a device that then has it alone: huge mappings become small ones first.
        case exclusive
        /// Every page is read, and those that others may share are copied; for a long term also those of files and of
        /// zeroes.
        case pin(longTerm: Bool)
        /// Device faults of so many pages each, one after the other.
        case fault(RangeFault, batch: UInt64)
    }

    public init(_ space: SpaceID, _ pages: PageRange, _ kind: Kind) {
        self.space = space
        self.pages = pages
        self.kind = kind
    }

    fileprivate func permits(_ area: Area) -> Bool {
        switch kind {
        case .access(true), .sweep(true), .exclusive: area.isWritable
        case .access(false), .sweep(false): !area.protection.isEmpty
        case .pin, .fault: area.isReadable
        }
    }

    fileprivate var passesGaps: Bool {
        switch kind {
        case .sweep: true
        // Where it must not it fails, at the first page behind.
        case .fault(let fault, _): fault.request.each != nil
        case .access, .exclusive, .pin: false
        }
    }
}

/// Whether there are frames enough for a demand, as far as can be told: what others do while it waits may take some.
/// It fails at the first page for which none would be left.
public struct LookAhead: SteppedWork {
    private let demand: FrameDemand
    private var page: Page
    private var count = FrameCount()

    public init(_ demand: FrameDemand) {
        self.demand = demand
        page = demand.pages.start
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: demand.space) else { return .done }
        while page < demand.pages.end,
            let area = machine.spaces[index].areas.nextArea(from: page, before: demand.pages.end)
        {
            let permits = demand.permits(area)
            if !permits || area.range.start > page, !demand.passesGaps { return .done }
            page = max(page, area.range.start)
            let end = min(area.range.end, demand.pages.end)
            while permits, page < end {
                if machine.isSliceSpent { return .more }
                let part = PageRange(page, machine.end(of: demand, page, end))
                machine.spend(part.count * (area.kind == .file ? 4 : 1) * Slice.entry)
                if let short = machine.count(index, area, part, demand, &count) {
                    return .failed(MemoryFault(.limit, short))
                }
                page = part.end
            }
            page = end
            machine.spend(Slice.entry)
            if machine.isSliceSpent { return .more }
        }
        return .done
    }
}

extension Machine {
    /// An access to so many pages may find no frame: whoever wants to know has to count them.
    @inline(__always)
    public func mayRunShort(_ pages: UInt64) -> Bool {
        // No page takes more than two, but for huge pages that are touched at either end.
        2 * pages + 1024 > framesFree
    }

    /// Where the pages end that one table has, or one batch.
    fileprivate func end(of demand: FrameDemand, _ page: Page, _ end: Page) -> Page {
        guard case .fault(_, let batch) = demand.kind, batch < demand.pages.count else {
            return min(page.endOfTable, end)
        }
        let offset = page - demand.pages.start
        return min(page.endOfTable, end, page + (batch - offset % batch))
    }

    /// Counts what a part of a table takes; the first page that finds nothing.
    fileprivate func count(
        _ index: Int, _ area: Area, _ part: PageRange, _ demand: FrameDemand, _ count: inout FrameCount
    ) -> Page? {
        var page = part.start
        var need = FrameCount.Need.nothing
        if case .fault(let fault, _) = demand.kind, let asked = needOfAll(index, part, fault) {
            if asked == .nothing { return nil }
            need = asked
        }
        while page < part.end {
            let entry = spaces[index].table[page]
            need = self.need(demand, page, entry, need)
            if need == .nothing || (entry.isPresent && entry.isWritable) {
                page = page + 1
                continue
            }
            let (next, frames) = takes(index, area, PageRange(page, part.end), entry, need, &count)
            // One each, or all at once.
            let free = framesFree - min(framesFree, count.taken)
            guard frames <= free else { return frames == next - page ? page + free : page }
            count.taken += frames
            page = next
        }
        return nil
    }

    /// Where there is no table, or one mapping for all, a device fault takes the pages as one; nil elsewhere.
    private func needOfAll(_ index: Int, _ part: PageRange, _ fault: RangeFault) -> FrameCount.Need? {
        let huge = spaces[index].table.huge(part.start)
        guard huge != nil || !spaces[index].table.isCovered(part.start) else { return nil }
        let need = fault.request.need(part.start - fault.pages.start..<part.end - fault.pages.start)
        if fault.isUsable(huge ?? .none, need, self) { return .nothing }
        return need == .write ? .write : .read
    }

    /// What is done with a page. A device fault does with every page what one before it in the table has needed.
    private func need(
        _ demand: FrameDemand, _ page: Page, _ entry: PageEntry, _ before: FrameCount.Need
    ) -> FrameCount.Need {
        switch demand.kind {
        case .access(let isWrite), .sweep(let isWrite): return isWrite ? .write : .read
        case .exclusive: return .writeSmall
        case .pin(let isLongTerm): return isLongTerm ? .own : .alone
        case .fault(let fault, _):
            let need = fault.request.need(page - fault.pages.start)
            switch before {
            case .nothing where fault.isUsable(entry, need, self): return .nothing
            // What has been read into place is the zero page, or what was there.
            case .read where need != .write || (entry.hasFrame && entry.isWritable): return .read
            case .nothing, .read: return need == .write ? .write : .read
            default: return before
            }
        }
    }

    /// How many frames the pages of a part take from its first on, one page or several that are alike, and where those
    /// end.
    private func takes(
        _ index: Int, _ area: Area, _ part: PageRange, _ entry: PageEntry, _ need: FrameCount.Need,
        _ count: inout FrameCount
    ) -> (next: Page, frames: UInt64) {
        let page = part.start
        if area.kind == .io { return (part.end, 0) }
        if count.huge == page.hugeStart { return (part.end, 0) }
        if area.kind == .hugetlb {
            guard entry.isNone || (need != .read && sharedPages(part, entry, small: false) > 0) else {
                return (part.end, 0)
            }
            count.huge = page.hugeStart
            return (part.end, 512)
        }
        if entry.isHuge, entry.hasFrame {
            // Its pages are copied one by one.
            return (part.end, need == .read ? 0 : sharedPages(part, entry, small: need == .writeSmall))
        }
        if area.kind == .anonymous, entry.isNone, !spaces[index].table.isCovered(page) {
            return takesOfHole(hugeBase(index, page, area), part, need, &count)
        }
        return (page + 1, takes(area, page, entry, need, &count))
    }

    /// Where a huge page can be had, from `base` on, a store takes it, and a load the zero page of that size.
    private func takesOfHole(
        _ base: Page?, _ part: PageRange, _ need: FrameCount.Need, _ count: inout FrameCount
    ) -> (next: Page, frames: UInt64) {
        switch need {
        case .write, .writeSmall:
            guard let base, count.zeroes != base, framesFree >= count.taken + 512 else {
                return (part.end, part.count)
            }
            count.huge = base
            // For a device alone it becomes small again, which takes nothing.
            return (part.end, 512)
        case .own: return (part.end, part.count)
        case .read, .alone, .nothing:
            if let base { count.zeroes = base }
            return (part.start + 1, 0)
        }
    }

    private func takes(
        _ area: Area, _ page: Page, _ entry: PageEntry, _ need: FrameCount.Need, _ count: inout FrameCount
    ) -> UInt64 {
        let makesOwn = need == .write || need == .writeSmall || need == .own
        switch entry.kind {
        case .none where area.kind == .device: return 0
        case .none where area.kind == .file:
            guard let file = area.file.flatMap({ files.index(of: $0) }), area.offset(of: page) < files[file].pageCount
            else { return 0 }
            let offset = area.offset(of: page)
            let isHole = filePage(file, offset) == nil && count.holes.insert(file, offset)
            return (isHole ? 1 : 0) + (makesOwn && !area.isShared ? 1 : 0)
        case .none, .zero: return makesOwn ? 1 : 0
        case .system, .coherent, .devicePrivate, .exclusive:
            guard need != .read, !area.isShared, !entry.isWritable else { return 0 }
            let frame = physical.frame(entry.frame).pointee
            // What comes back from a device takes the place of what it leaves there.
            if !frame.isAnonymous { return makesOwn ? 1 : 0 }
            if frame.isExclusivelyOwned { return 0 }
            return frame.references != 1 || frame.isStuck || frame.isLarge ? 1 : 0
        case .migrating: return 0
        }
    }

    /// Pages of a part of a huge mapping that cannot be had without a copy; none when all of it can be taken over.
    private func sharedPages(_ part: PageRange, _ entry: PageEntry, small: Bool) -> UInt64 {
        let head = Self.head(entry.frame)
        let isAlone =
            !small
            && (0..<512).allSatisfy {
                let frame = physical.frame(head.advanced($0)).pointee
                return frame.references == 1 && !frame.isStuck
            }
        if isAlone || entry.isWritable { return 0 }
        return (0..<part.count).reduce(0) {
            physical.frame(entry.frame.advanced(Int($1))).pointee.isExclusivelyOwned ? $0 : $0 + 1
        }
    }
}

/// Frames as a demand is counted.
private struct FrameCount: Equatable, Sendable {
    /// What is done with a page.
    enum Need {
        case nothing, read
        /// What others may share is copied.
        case alone
        /// What is not anonymous memory of its own, too.
        case own
        case write
        /// The same, after a huge mapping has become small ones.
        case writeSmall
    }

    /// Frames that the pages so far take.
    var taken: UInt64 = 0
    /// The last place that a huge page has been counted for, and the last that reads the huge zero page.
    var huge: Page?
    var zeroes: Page?
    /// Pages of files that come to be there.
    var holes = FilePages()
}

/// Pages of files: 64 that lie together in one word.
private struct FilePages: Equatable, Sendable {
    private struct Group: Hashable, Sendable {
        /// Its position.
        let file: Int
        let number: UInt64
    }

    private var words: [Group: UInt64] = [:]

    /// Adds a page; false when it was there.
    mutating func insert(_ file: Int, _ page: UInt64) -> Bool {
        Self.set(1 << (page & 63), in: &words[Group(file: file, number: page >> 6), default: 0])
    }

    private static func set(_ bit: UInt64, in word: inout UInt64) -> Bool {
        defer { word |= bit }
        return word & bit == 0
    }
}
