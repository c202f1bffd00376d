/// What an access is going to take, said beforehand, so that one which cannot be served takes nothing.
public struct FrameDemand: Equatable, Sendable {
    public let space: SpaceID
    public let pages: PageRange
    public let isWrite: Bool
    /// What may not be accessed is left out; otherwise the access ends there.
    public let passesGaps: Bool

    public init(_ space: SpaceID, _ pages: PageRange, write: Bool, passesGaps: Bool = false) {
        self.space = space
        self.pages = pages
        isWrite = write
        self.passesGaps = passesGaps
    }
}

extension Machine {
    /// The first page for which `demand` would find no frame left; nil when there are enough, as far as can be told:
    /// what others do meanwhile may take some.
    @inline(__always)
    public mutating func shortage(_ demand: FrameDemand) -> Page? {
        // No page takes more than two, but for huge pages that are touched at either end.
        let free = framesFree
        return 2 * demand.pages.count + 1024 <= free ? nil : countShortage(demand, free)
    }

    /// Frames that may still be taken.
    public var framesFree: UInt64 { physical.limit > physical.used ? physical.limit - physical.used : 0 }

    @inline(never)
    private mutating func countShortage(_ demand: FrameDemand, _ free: UInt64) -> Page? {
        guard let index = spaces.index(of: demand.space) else { return nil }
        var free = free
        var page = demand.pages.start
        while page < demand.pages.end {
            guard let area = spaces[index].areas.nextArea(from: page, before: demand.pages.end) else { return nil }
            let isUsable = demand.isWrite ? area.isWritable : !area.protection.isEmpty
            if !isUsable || area.range.start > page, !demand.passesGaps { return nil }
            page = max(page, area.range.start)
            let end = min(area.range.end, demand.pages.end)
            guard isUsable else {
                page = end
                continue
            }
            while page < end {
                spend(Slice.entry)
                let (next, frames) = takes(index, area, page, end, write: demand.isWrite, free)
                // One each, or all at once.
                guard frames <= free else { return frames == next - page ? page + free : page }
                free -= frames
                page = next
            }
        }
        return nil
    }

    /// How many frames the pages from `page` take, one or several that are alike, and where they end.
    private func takes(
        _ index: Int, _ area: Area, _ page: Page, _ end: Page, write: Bool, _ free: UInt64
    ) -> (next: Page, frames: UInt64) {
        switch area.kind {
        case .io, .device: return (end, 0)
        case .hugetlb:
            let needs = spaces[index].table.huge(page).map { write && needsCopy($0) } ?? true
            return (min(page.hugeStart + 512, end), needs ? 512 : 0)
        case .anonymous where !write: return (end, 0)
        case .anonymous where !spaces[index].table.isCovered(page):
            let base = page.hugeStart
            let mayBeHuge = area.advice.contains(.hugePage) && area.range.contains(PageRange(base, base + 512))
            let next = min(page.endOfTable, end)
            return mayBeHuge && free >= 512 ? (next, 512) : (next, next - page)
        case .anonymous: return (page + 1, needsFrame(spaces[index].table[page]) ? 1 : 0)
        case .file: return (page + 1, takesOfFile(spaces[index].table[page], area, page, write: write))
        }
    }

    /// A hole of the file takes one, and so does a private copy.
    private func takesOfFile(_ entry: PageEntry, _ area: Area, _ page: Page, write: Bool) -> UInt64 {
        let copies = write && !area.isShared
        guard entry.isNone else { return copies && needsFrame(entry) ? 1 : 0 }
        guard let file = area.file.flatMap({ files.index(of: $0) }), area.offset(of: page) < files[file].pageCount
        else { return 0 }
        return (filePage(file, area.offset(of: page)) == nil ? 1 : 0) + (copies ? 1 : 0)
    }

    /// A store there takes a frame.
    private func needsFrame(_ entry: PageEntry) -> Bool {
        switch entry.kind {
        case .none, .zero: true
        case .system, .coherent: needsCopy(entry)
        // What comes back from a device takes the place of what it leaves there.
        case .devicePrivate, .exclusive, .migrating: false
        }
    }

    /// What is there is not this address space's alone.
    private func needsCopy(_ entry: PageEntry) -> Bool {
        guard !entry.isWritable, entry.hasFrame else { return false }
        let frame = physical.frame(entry.frame).pointee
        if !frame.isAnonymous { return true }
        if frame.isExclusivelyOwned { return false }
        return frame.references != 1 || frame.isStuck || frame.isLarge && !entry.isHuge
    }
}
