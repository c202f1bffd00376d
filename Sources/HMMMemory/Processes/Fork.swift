/// `mm.fork`: a copy of an address space. Private memory is shared until one writes; shared memory stays shared.
/// Kernel: dup_mmap() and copy_page_range().
public struct Fork: SteppedWork {
    public let parent: SpaceID
    /// The copy, after the last step.
    public private(set) var child: SpaceID?
    /// The end of the areas that have been announced.
    private var cursor = Page(number: 0)
    /// The area that is being copied, and how far that has come.
    private var copied = 0
    private var page: Page?

    public init(_ parent: SpaceID) { self.parent = parent }

    /// Announces area after area; nobody comes between until all are copied.
    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: parent) else { return .failed(MemoryFault(.gone, cursor)) }
        for area in machine.spaces[index].areas.areas where area.range.start >= cursor && area.isCopiedByFork {
            cursor = area.range.end
            let reason: InvalidationReason = area.kind == .hugetlb ? .clear : .protectionPage
            return .invalidate(Invalidation(parent, area.range, reason))
        }
        let copy = child ?? machine.makeSpace()
        child = copy
        switch self.copy(&machine, index, copy) {
        case true?: return .done
        case false?: return .more
        case nil:
            machine.removeSpace(copy)
            child = nil
            return .failed(MemoryFault(.limit, Page(number: 0)))
        }
    }

    /// Goes on with the copy until the slice is spent: true when it is all there, false when there is more, nil at the
    /// limit.
    private mutating func copy(_ machine: inout Machine, _ index: Int, _ child: SpaceID) -> Bool? {
        guard let target = machine.spaces.index(of: child) else { return nil }
        while copied < machine.spaces[index].areas.areas.count {
            if machine.isSliceSpent { return false }
            let area = machine.spaces[index].areas.areas[copied]
            if page == nil {
                machine.spend(16 * Slice.entry)
                machine.copyArea(area, to: target)
            }
            if area.isCopiedByFork {
                var next = page ?? area.range.start
                if page == nil { machine.coverCopy(index, target, area.range) }
                guard machine.copyPages(index, target, area.range, from: &next) else { return nil }
                page = next
                if next < area.range.end { return false }
            }
            page = nil
            copied += 1
        }
        return true
    }
}

extension Area {
    /// Memory of its own has to be shared; what is in files can be found again. Kernel: vma_needs_copy().
    var isCopiedByFork: Bool {
        copiesOnWrite && advice.isDisjoint(with: [.dontFork, .wipeOnFork]) && (object != 0 || kind == .device)
    }
}

extension Machine {
    /// Gives the child the area, without what it holds.
    mutating func copyArea(_ area: Area, to target: Int) {
        guard !area.advice.contains(.dontFork) else { return }
        var copy = area
        if area.advice.contains(.wipeOnFork) {
            copy.object = 0
            copy.lineage = 0
        } else {
            copy = forkedArea(area)
        }
        appendArea(target, copy)
        if area.kind == .hugetlb { hugePagesReserved += area.range.count / 512 }
    }

    /// A table of the parent's makes one of the child's, even where its pages have gone. Kernel: copy_pte_range().
    mutating func coverCopy(_ parent: Int, _ target: Int, _ range: PageRange) {
        var page = range.start
        while let base = spaces[parent].table.nextNode(from: page, before: range.end) {
            spaces[target].table.cover(base)
            page = base + 512
        }
    }

    /// Makes the child's entries of an area from `page` on, and makes the parent's read-only, until the slice is spent;
    /// false at the limit.
    mutating func copyPages(_ parent: Int, _ target: Int, _ range: PageRange, from page: inout Page) -> Bool {
        while let piece = spaces[parent].table.nextLeaf(from: page, before: range.end) {
            page = piece.start
            let end = piece.start + UInt64(piece.count)
            if isSliceSpent { return true }
            spend(2 * UInt64(piece.count) * Slice.entry)
            if piece.words == nil {
                if piece.huge.hasFrame, mustCopy(piece.huge.frame) {
                    if spaces[parent].areas.area(at: page)?.kind != .hugetlb {
                        spaces[parent].table.splitHuge(page)
                        continue
                    }
                    guard copyReserved(target, page, piece.huge.frame) else { return false }
                    page = end
                    continue
                }
                copyHuge(parent, target, page)
                page = end
            }
            while page < end {
                guard spaces[parent].table[page].isNone || copyPage(parent, target, page) else { return false }
                page = page + 1
            }
        }
        page = range.end
        return true
    }

    private mutating func copyHuge(_ parent: Int, _ child: Int, _ base: Page) {
        guard let entry = spaces[parent].table.huge(base) else { return }
        spaces[child].table.setHuge(base, entry.withWritable(false))
        guard entry.hasFrame else { return }
        spaces[parent].table.setHuge(base, entry.withWritable(false))
        for offset in 0..<512 { share(entry.frame.advanced(offset)) }
        spaces[child].resident += 512
    }

    private mutating func share(_ frame: FrameNumber) {
        retain(frame)
        map(frame)
        physical.frame(frame).pointee.isExclusivelyOwned = false
    }

    /// The child gets a page of the reserve of its own. Kernel: copy_hugetlb_page_range().
    private mutating func copyReserved(_ child: Int, _ base: Page, _ source: FrameNumber) -> Bool {
        guard mapHuge(child, base), let new = spaces[child].table.huge(base) else { return false }
        physical.bytes(new.frame).copyMemory(from: physical.bytes(source), byteCount: 512 * PageSize.bytes)
        return true
    }

    /// The parent alone has the page, and someone does I/O on it or, of a huge page, on any of it.
    /// Kernel: folio_try_dup_anon_rmap_ptes(), folio_maybe_dma_pinned().
    private func mustCopy(_ number: FrameNumber) -> Bool {
        let frame = physical.frame(number).pointee
        guard frame.isExclusivelyOwned else { return false }
        guard frame.isLarge else { return frame.pins > 0 }
        return (0..<512).contains { physical.frame(Self.head(number).advanced($0)).pointee.pins > 0 }
    }

    private mutating func copyPage(_ parent: Int, _ child: Int, _ page: Page) -> Bool {
        // Kernel: try_restore_exclusive_pte().
        restore(parent, page)
        let entry = spaces[parent].table[page]
        guard spaces[child].table.hasRoom(for: page) else { return false }
        guard entry.hasFrame else {
            spaces[child].table.set(page, entry)
            return true
        }
        // Who does I/O on it must go on seeing what the parent sees. Kernel: copy_present_page().
        if mustCopy(entry.frame) {
            return mapNew(child, page, copying: entry.frame, writable: true)
        }
        share(entry.frame)
        spaces[parent].table.set(page, entry.withWritable(false))
        spaces[child].table.set(page, entry.withWritable(false))
        spaces[child].resident += 1
        return true
    }
}
