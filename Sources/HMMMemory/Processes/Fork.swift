/// `mm.fork`: a copy of an address space. Private memory is shared until one writes; shared memory stays shared.
/// Kernel: dup_mmap() and copy_page_range().
public struct Fork: SteppedWork {
    public let parent: SpaceID
    /// The copy, after the last step.
    public private(set) var child: SpaceID?
    private var phase = Phase.counting
    /// The end of the areas that have been counted or announced.
    private var cursor = Page(number: 0)
    /// What it takes beyond what it shares, the tables of the copy, and what its areas reserve.
    private var promise = Promise()
    private var nodes = NodeCount()
    /// The area that is being copied, and how far that has come.
    private var copied = 0
    private var page: Page?

    private enum Phase: Equatable { case counting, announcing, copying }

    public init(_ parent: SpaceID) { self.parent = parent }

    /// Makes sure of what it needs, then announces area after area; nobody comes between until all are copied.
    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: parent) else {
            abandon(&machine)
            return .failed(MemoryFault(.gone, cursor))
        }
        if phase == .counting {
            guard count(&machine, index) else { return .more }
            promise.nodes += nodes.count
            guard machine.give(promise) else {
                promise = Promise()
                return .failed(MemoryFault(.limit, Page(number: 0)))
            }
            phase = .announcing
            cursor = Page(number: 0)
        }
        if phase == .announcing {
            while let area = machine.spaces[index].areas.nextArea(from: cursor, before: AddressSpace.highest) {
                if machine.isSliceSpent { return .more }
                machine.spend(8 * Slice.entry)
                cursor = area.range.end
                guard area.isCopiedByFork else { continue }
                let reason: InvalidationReason = area.kind == .hugetlb ? .clear : .protectionPage
                return .invalidate(Invalidation(parent, area.range, reason))
            }
            phase = .copying
        }
        let copy = child ?? machine.makeSpace()
        child = copy
        guard self.copy(&machine, index, copy) else { return .more }
        machine.takeBack(&promise)
        return .done
    }

    /// It ends before it has copied anything.
    public mutating func abandon(_ machine: inout Machine) { machine.takeBack(&promise) }

    /// Goes on with counting what the copy takes, until the slice is spent; false when there is more.
    private mutating func count(_ machine: inout Machine, _ index: Int) -> Bool {
        while let area = machine.spaces[index].areas.nextArea(from: cursor, before: AddressSpace.highest) {
            cursor = max(cursor, area.range.start)
            machine.spend(8 * Slice.entry)
            if area.kind == .hugetlb, cursor == area.range.start, !area.advice.contains(.dontFork) {
                promise.hugePages += area.range.count / 512
            }
            while area.isCopiedByFork, cursor < area.range.end,
                let part = machine.spaces[index].table.nextPart(from: cursor, before: area.range.end)
            {
                cursor = min(part.base + 512, area.range.end)
                machine.countCopies(index, area, part, &promise, &nodes)
                if machine.isSliceSpent { return false }
            }
            cursor = area.range.end
            if machine.isSliceSpent { return false }
        }
        return true
    }

    /// Goes on with the copy until the slice is spent; true when it is all there.
    private mutating func copy(_ machine: inout Machine, _ index: Int, _ child: SpaceID) -> Bool {
        guard let target = machine.spaces.index(of: child) else { return true }
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
                machine.copyPages(index, target, area.range, from: &next)
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
    /// What copying a table of an area, or a huge mapping, takes: frames where someone does I/O, and nodes.
    mutating func countCopies(
        _ index: Int, _ area: Area, _ part: (base: Page, isHuge: Bool), _ promise: inout Promise,
        _ nodes: inout NodeCount
    ) {
        spend(Slice.entry)
        nodes.add(part.base, hasLeaf: !part.isHuge)
        guard !pins.isEmpty else { return }
        let range = PageRange(part.base, part.base + 512).clamped(to: area.range)
        spend(range.count * Slice.entry)
        var copies: UInt64 = 0
        for offset in 0..<range.count {
            let entry = spaces[index].table[range.start + offset]
            if entry.hasFrame, mustCopy(entry.frame) { copies += 1 }
        }
        guard part.isHuge, copies > 0 else { return promise.frames += copies }
        promise.frames += area.kind == .hugetlb ? 512 : copies
        // It becomes small ones in both.
        if area.kind != .hugetlb { promise.nodes += 2 }
    }

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

    /// Makes the child's entries of an area from `page` on, and makes the parent's read-only, until the slice is spent.
    mutating func copyPages(_ parent: Int, _ target: Int, _ range: PageRange, from page: inout Page) {
        while let piece = spaces[parent].table.nextLeaf(from: page, before: range.end) {
            page = piece.start
            let end = piece.start + UInt64(piece.count)
            if isSliceSpent { return }
            spend(2 * UInt64(piece.count) * Slice.entry)
            if piece.words == nil {
                if piece.huge.hasFrame, mustCopy(piece.huge.frame) {
                    if spaces[parent].areas.area(at: page)?.kind != .hugetlb {
                        spaces[parent].table.splitHuge(page)
                        continue
                    }
                    copyReserved(target, page, piece.huge.frame)
                    page = end
                    continue
                }
                copyHuge(parent, target, page)
                page = end
            }
            while page < end {
                if !spaces[parent].table[page].isNone { copyPage(parent, target, page) }
                page = page + 1
            }
        }
        page = range.end
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
    private mutating func copyReserved(_ child: Int, _ base: Page, _ source: FrameNumber) {
        guard mapHuge(child, base, promised: true), let new = spaces[child].table.huge(base) else { return }
        physical.bytes(new.frame).copyMemory(from: physical.bytes(source), byteCount: 512 * PageSize.bytes)
    }

    /// The parent alone has the page, and someone does I/O on it or, of a huge page, on any of it.
    /// Kernel: folio_try_dup_anon_rmap_ptes(), folio_maybe_dma_pinned().
    private func mustCopy(_ number: FrameNumber) -> Bool {
        let frame = physical.frame(number).pointee
        guard frame.isExclusivelyOwned else { return false }
        guard frame.isLarge else { return frame.pins > 0 }
        return (0..<512).contains { physical.frame(Self.head(number).advanced($0)).pointee.pins > 0 }
    }

    private mutating func copyPage(_ parent: Int, _ child: Int, _ page: Page) {
        // Kernel: try_restore_exclusive_pte().
        restore(parent, page)
        let entry = spaces[parent].table[page]
        guard entry.hasFrame else { return spaces[child].table.set(page, entry) }
        // Who does I/O on it must go on seeing what the parent sees. Kernel: copy_present_page().
        if mustCopy(entry.frame) {
            _ = mapNew(child, page, copying: entry.frame, writable: true, promised: true)
            return
        }
        share(entry.frame)
        spaces[parent].table.set(page, entry.withWritable(false))
        spaces[child].table.set(page, entry.withWritable(false))
        spaces[child].resident += 1
    }
}
