/// `mm.fork`: a copy of an address space. Private memory is shared until one writes; shared memory stays shared.
/// Kernel: dup_mmap() and copy_page_range().
public struct Fork: SteppedWork {
    public let parent: SpaceID
    /// The copy, after the last step.
    public private(set) var child: SpaceID?
    /// The end of the areas that have been announced.
    private var cursor = Page(number: 0)

    public init(_ parent: SpaceID) { self.parent = parent }

    /// Announces area after area; nobody comes between until all are copied.
    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: parent) else { return .failed(MemoryFault(.gone, cursor)) }
        for area in machine.spaces[index].areas.areas where area.range.start >= cursor && area.isCopiedByFork {
            cursor = area.range.end
            let reason: InvalidationReason = area.kind == .hugetlb ? .clear : .protectionPage
            return .invalidate(Invalidation(parent, area.range, reason))
        }
        guard let copy = machine.copySpace(index) else { return .failed(MemoryFault(.limit, Page(number: 0))) }
        child = copy
        return .done
    }
}

extension Area {
    /// Memory of its own has to be shared; what is in files can be found again. Kernel: vma_needs_copy().
    var isCopiedByFork: Bool {
        copiesOnWrite && advice.isDisjoint(with: [.dontFork, .wipeOnFork]) && (object != 0 || kind == .device)
    }
}

extension Machine {
    /// A copy of an address space, all of it; nil, with no copy left, at the limit.
    mutating func copySpace(_ parent: Int) -> SpaceID? {
        let child = makeSpace()
        guard let target = spaces.index(of: child) else { return nil }
        for area in spaces[parent].areas.areas where !area.advice.contains(.dontFork) {
            var copy = area
            if area.advice.contains(.wipeOnFork) {
                copy.object = 0
                copy.lineage = 0
            } else {
                copy = forkedArea(area)
            }
            appendArea(target, copy)
            if area.kind == .hugetlb { hugePagesReserved += area.range.count / 512 }
            guard !area.isCopiedByFork || copyPages(parent, target, area.range) else {
                removeSpace(child)
                return nil
            }
        }
        return child
    }

    /// Makes the child's entries of an area, and makes the parent's read-only; false at the limit.
    private mutating func copyPages(_ parent: Int, _ target: Int, _ range: PageRange) -> Bool {
        var page = range.start
        while let piece = spaces[parent].table.nextLeaf(from: page, before: range.end) {
            page = piece.start
            let end = piece.start + UInt64(piece.count)
            if piece.words == nil {
                copyHuge(parent, target, page)
                page = end
            }
            while page < end {
                guard spaces[parent].table[page].isNone || copyPage(parent, target, page) else { return false }
                page = page + 1
            }
        }
        return true
    }

    private mutating func copyHuge(_ parent: Int, _ child: Int, _ base: Page) {
        guard let entry = spaces[parent].table.huge(base) else { return }
        if entry.hasFrame, isPinned(entry.frame) { return copyPinnedHuge(parent, child, base) }
        spaces[child].table.setHuge(base, entry.withWritable(false))
        guard entry.hasFrame else { return }
        spaces[parent].table.setHuge(base, entry.withWritable(false))
        for offset in 0..<512 { share(entry.frame.advanced(offset)) }
        spaces[child].resident += 512
    }

    /// Who does I/O on a huge page must go on seeing what the parent sees: the child gets copies, of a page of the
    /// reserve another one. Kernel: copy_huge_pmd(), copy_hugetlb_page_range().
    private mutating func copyPinnedHuge(_ parent: Int, _ child: Int, _ base: Page) {
        guard spaces[parent].areas.area(at: base)?.kind == .hugetlb else {
            spaces[parent].table.splitHuge(base)
            for offset in 0..<UInt64(512) { _ = copyPage(parent, child, base + offset) }
            return
        }
        guard let source = spaces[parent].table.huge(base), mapHuge(child, base),
            let copy = spaces[child].table.huge(base)
        else { return }
        physical.bytes(copy.frame).copyMemory(from: physical.bytes(source.frame), byteCount: 512 * PageSize.bytes)
    }

    /// Someone does I/O on a frame, or on the huge page it is part of, that one address space alone has.
    private func isPinned(_ frame: FrameNumber) -> Bool {
        let metadata = physical.frame(frame).pointee
        guard metadata.isExclusivelyOwned else { return false }
        guard metadata.isLarge else { return metadata.pins > 0 }
        let head = Self.head(frame)
        return (0..<512).contains { physical.frame(head.advanced($0)).pointee.pins > 0 }
    }

    private mutating func share(_ frame: FrameNumber) {
        retain(frame)
        map(frame)
        physical.frame(frame).pointee.isExclusivelyOwned = false
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
        if isPinned(entry.frame) {
            return mapNew(child, page, copying: entry.frame, writable: true)
        }
        share(entry.frame)
        spaces[parent].table.set(page, entry.withWritable(false))
        spaces[child].table.set(page, entry.withWritable(false))
        spaces[child].resident += 1
        return true
    }
}
