/// What one page needs before an access can go on. Kernel: the outcomes of handle_mm_fault().
enum PageFaultOutcome {
    case ready
    /// Mirrors must be told of `invalidation` before `change` is applied.
    case invalidate(Invalidation, PageChange)
    case failed(MemoryFault.Cause)
}

/// What an access is about to do with a page.
public enum FaultNeed: UInt8, Equatable, Sendable {
    case read, write
    /// Not to write, but to have it alone: a pin must not see another's copy. Kernel: FAULT_FLAG_UNSHARE.
    case unshare
}

/// The CPU's page fault. Kernel: handle_mm_fault() and what it calls.
extension Machine {
    /// Makes `page` usable for the CPU, as far as that takes no announcement. Pages of private device memory come back
    /// together with their neighbours on the same device up to `end`, unless the device's driver does otherwise.
    ///
    /// The area has been checked: it permits the access.
    mutating func handleFault(_ space: SpaceID, _ page: Page, upTo end: Page, _ need: FaultNeed) -> PageFaultOutcome {
        guard let index = spaces.index(of: space) else { return .failed(.gone) }
        let entry = spaces[index].table[page]
        switch entry.kind {
        case .none: return populate(index, page, need)
        case .zero, .system, .coherent:
            if need == .read || entry.isWritable { return .ready }
            return makeWritable(index, page, entry, need)
        case .exclusive:
            // What a device alone may touch is the CPU's again. Kernel: remove_device_exclusive_entry().
            return .invalidate(Invalidation(space, PageRange(page), .clear), .restore(space, page, writable: true))
        case .devicePrivate: return bringBack(index, page, upTo: end, entry)
        case .migrating: return .failed(.gone)
        }
    }

    // MARK: Nothing there

    private mutating func populate(_ index: Int, _ page: Page, _ need: FaultNeed) -> PageFaultOutcome {
        guard let area = spaces[index].areas.area(at: page) else { return .failed(.notMapped) }
        switch area.kind {
        case .io: return .failed(.wrongKind)
        case .hugetlb: return populateReserved(index, page, need)
        case .anonymous: return populateAnonymous(index, page, area, need)
        // Its driver has put there what there is. Kernel: VM_FAULT_SIGBUS without vm_ops->fault.
        case .device: return .failed(.beyondEnd)
        case .file: return populateFile(index, page, area, need)
        }
    }

    private mutating func populateAnonymous(
        _ index: Int, _ page: Page, _ area: Area, _ need: FaultNeed
    ) -> PageFaultOutcome {
        guard spaces[index].table.hasRoom(for: page) else { return .failed(.limit) }
        if let base = hugeBase(index, page, area) {
            // Fork copies what has an object: the huge zero page, and not the small one.
            prepareObject(index, page)
            if need != .write {
                spaces[index].table.setHuge(base, .hugeZero)
                return .ready
            }
            if mapHuge(index, base) { return .ready }
        }
        if need != .write {
            spaces[index].table.set(page, .zero)
            return .ready
        }
        return mapNew(index, page, copying: nil, writable: true) ? .ready : .failed(.limit)
    }

    /// The first page of the huge page that could hold `page`. Kernel: thp_vma_allowable_order() with enabled=madvise.
    func hugeBase(_ index: Int, _ page: Page, _ area: Area) -> Page? {
        let base = page.hugeStart
        guard area.advice.contains(.hugePage), area.kind == .anonymous,
            area.range.contains(PageRange(base, base + 512)), !spaces[index].table.isCovered(page)
        else { return nil }
        return base
    }

    /// A range of faults with what those at either end may map beside it: a huge page, or pages of the same file.
    public func faultReach(of range: PageRange, in space: SpaceID) -> PageRange {
        guard let index = spaces.index(of: space), !range.isEmpty else { return range }
        let first = faultReach(index, range.start)
        let last = faultReach(index, Page(number: range.end.number - 1))
        return PageRange(min(first.start, range.start), max(last.end, range.end))
    }

    private func faultReach(_ index: Int, _ page: Page) -> PageRange {
        guard let area = spaces[index].areas.area(at: page) else { return PageRange(page) }
        if let base = hugeBase(index, page, area) { return PageRange(base, base + 512) }
        guard area.kind == .file, spaces[index].table[page].isNone else { return PageRange(page) }
        return around(page, area)
    }

    /// Maps a new huge page; false when there is none.
    mutating func mapHuge(_ index: Int, _ base: Page, writable: Bool = true, promised: Bool = false) -> Bool {
        guard let first = allocateHuge(promised: promised) else { return false }
        prepareObject(index, base)
        guard let area = spaces[index].areas.area(at: base) else { return false }
        for offset in 0..<512 {
            makeAnonymous(first.advanced(offset), area, base + UInt64(offset))
            map(first.advanced(offset))
        }
        spaces[index].table.setHuge(base, PageEntry(.system, first, writable: writable && area.isWritable, huge: true))
        spaces[index].resident += 512
        return true
    }

    /// A huge page of the reserve; one that has only been read becomes writable when it is written.
    /// Kernel: hugetlb_no_page().
    private mutating func populateReserved(_ index: Int, _ page: Page, _ need: FaultNeed) -> PageFaultOutcome {
        mapHuge(index, page.hugeStart, writable: need == .write) ? .ready : .failed(.limit)
    }

    /// Maps a new frame at `page`, zeroed or a copy; false at the limit. What was there is gone.
    mutating func mapNew(
        _ index: Int, _ page: Page, copying source: FrameNumber?, writable: Bool, promised: Bool = false
    ) -> Bool {
        let old = spaces[index].table[page]
        guard let frame = allocateSystem(replacing: promised) else { return false }
        if let source {
            physical.bytes(frame).copyMemory(from: physical.bytes(source), byteCount: PageSize.bytes)
        } else {
            physical.bytes(frame).initializeMemory(as: UInt8.self, repeating: 0, count: PageSize.bytes)
        }
        prepareObject(index, page)
        guard let area = spaces[index].areas.area(at: page) else { return false }
        makeAnonymous(frame, area, page)
        map(frame)
        spaces[index].table.set(page, PageEntry(.system, frame, writable: writable && area.isWritable))
        if old.hasFrame { unmap(old.frame) } else { spaces[index].resident += 1 }
        return true
    }

    // MARK: Present, and not writable

    private mutating func makeWritable(
        _ index: Int, _ page: Page, _ entry: PageEntry, _ need: FaultNeed
    ) -> PageFaultOutcome {
        let space = spaces.id(at: index)
        guard entry.hasFrame else {
            if entry.isHuge { return splitOutcome(space, page) }
            return copyOutcome(space, PageRange(page), need)
        }
        let area = spaces[index].areas.area(at: page)
        if area?.isShared == true {
            spaces[index].table.set(page, entry.withWritable(true))
            return .ready
        }
        if takeOver(index, page, entry, writable: need == .write) { return .ready }
        guard entry.isHuge else { return copyOutcome(space, PageRange(page), need) }
        guard area?.kind == .hugetlb else { return splitOutcome(space, page) }
        let base = page.hugeStart
        return copyOutcome(space, PageRange(base, base + 512), need)
    }

    private func copyOutcome(_ space: SpaceID, _ range: PageRange, _ need: FaultNeed) -> PageFaultOutcome {
        .invalidate(
            Invalidation(space, range, .clear), .copyOnWrite(space, range.start, writable: need == .write))
    }

    private func splitOutcome(_ space: SpaceID, _ page: Page) -> PageFaultOutcome {
        guard !tableNodes.isSpent else { return .failed(.limit) }
        let base = page.hugeStart
        return .invalidate(Self.splitNotice(space, base), .splitHuge(space, base, isPromised: false))
    }

    /// Makes memory that nobody else has writable in place; false when a copy is needed. Kernel:
    /// wp_can_reuse_anon_folio() and do_huge_pmd_wp_page().
    private mutating func takeOver(_ index: Int, _ page: Page, _ entry: PageEntry, writable: Bool) -> Bool {
        let frame = physical.frame(entry.frame)
        guard frame.pointee.isAnonymous else { return false }
        let first = entry.isHuge ? Self.head(entry.frame) : entry.frame
        let base = entry.isHuge ? page.hugeStart : page
        let count = entry.isHuge ? 512 : 1
        if !frame.pointee.isExclusivelyOwned {
            // Pages of a huge page that is mapped in pieces are not taken one by one.
            guard !frame.pointee.isStuck, !frame.pointee.isLarge || entry.isHuge,
                let area = spaces[index].areas.area(at: page)
            else { return false }
            for offset in 0..<count where physical.frame(first.advanced(offset)).pointee.references != 1 {
                return false
            }
            for offset in 0..<count { makeAnonymous(first.advanced(offset), area, base + UInt64(offset)) }
        }
        guard writable else { return true }
        if entry.isHuge {
            spaces[index].table.setHuge(base, PageEntry(entry.kind, first, writable: true, huge: true))
        } else {
            spaces[index].table.set(page, entry.withWritable(true))
        }
        return true
    }
}
