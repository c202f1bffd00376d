/// A change of page tables that waits for mirrors to let go.
public enum PageChange: Equatable, Sendable {
    /// A page, or a huge page of the reserve, gives way to memory of its own. Kernel: wp_page_copy().
    case copyOnWrite(SpaceID, Page, writable: Bool)
    /// A page that a device had for itself is the CPU's again. Kernel: restore_exclusive_pte().
    case restore(SpaceID, Page, writable: Bool)
    /// A huge mapping, of the 512 pages from there, becomes small ones. Kernel: __split_huge_pmd().
    case splitHuge(SpaceID, Page, isPromised: Bool)
    /// Private device pages come back to system memory. Kernel: dev_pagemap_ops.migrate_to_ram().
    case bringBack(PageReturn)
}

extension PageChange {
    /// Pages elsewhere that have been announced and not changed yet.
    var told: [Place] { if case .bringBack(let pages) = self { pages.farewell.places } else { [] } }

    /// Pages that have been announced and are on their way back from a device.
    var returning: Hold? {
        guard case .bringBack(let pages) = self else { return nil }
        return Hold(space: pages.space, range: PageRange(pages.page, pages.range.end))
    }
}

/// What became of a change.
enum Applied {
    case done
    /// Another announcement comes first.
    case invalidate(Invalidation, PageChange)
    /// The slice is spent before all of it was done.
    case more(PageChange)
    case failed(MemoryFault)
}

extension Machine {
    /// Applies the change that an operation has announced, once. A step when there is more to announce, or it failed.
    mutating func settle(_ pending: inout PageChange?) -> Step? {
        guard let change = pending else { return nil }
        pending = nil
        switch apply(change) {
        case .done: return nil
        case .invalidate(let invalidation, let next):
            pending = next
            return .invalidate(invalidation)
        case .more(let rest):
            pending = rest
            return .more
        case .failed(let fault): return .failed(fault)
        }
    }

    /// Applies a change whose announcement is over. What is no longer as it was is left alone.
    private mutating func apply(_ change: PageChange) -> Applied {
        switch change {
        case .copyOnWrite(let space, let page, let writable):
            guard let index = spaces.index(of: space) else { return .done }
            return copyOnWrite(index, page, writable) ? .done : .failed(MemoryFault(.limit, page))
        case .restore(let space, let page, let writable):
            if let index = spaces.index(of: space) { restore(index, page, writable: writable) }
            return .done
        case .splitHuge(let space, let base, let isPromised):
            guard let index = spaces.index(of: space), spaces[index].table.huge(base) != nil else { return .done }
            guard isPromised || !tableNodes.isSpent else { return .failed(MemoryFault(.limit, base)) }
            spaces[index].table.splitHuge(base)
            return .done
        case .bringBack(let pages): return goOn(pages)
        }
    }

    private mutating func copyOnWrite(_ index: Int, _ page: Page, _ writable: Bool) -> Bool {
        let entry = spaces[index].table[page]
        guard entry.isPresent, !entry.isWritable else { return true }
        if entry.isHuge { return copyReserved(index, page, entry) }
        return mapNew(index, page, copying: entry.hasFrame ? entry.frame : nil, writable: writable)
    }

    /// Kernel: hugetlb_wp().
    private mutating func copyReserved(_ index: Int, _ base: Page, _ entry: PageEntry) -> Bool {
        guard entry.hasFrame, spaces[index].areas.area(at: base)?.kind == .hugetlb else { return true }
        spaces[index].table.removeHuge(base)
        guard mapHuge(index, base), let new = spaces[index].table.huge(base) else {
            spaces[index].table.setHuge(base, entry)
            return false
        }
        physical.bytes(new.frame).copyMemory(from: physical.bytes(entry.frame), byteCount: 512 * PageSize.bytes)
        for offset in 0..<512 { unmap(entry.frame.advanced(offset)) }
        spaces[index].resident -= 512
        return true
    }

    /// Makes an exclusive page present again. Kernel: restore_exclusive_pte().
    mutating func restore(_ index: Int, _ page: Page, writable: Bool = true) {
        let entry = spaces[index].table[page]
        guard entry.kind == .exclusive, let area = spaces[index].areas.area(at: page) else { return }
        let writable = writable && entry.isWritable && area.isWritable
        spaces[index].table.set(page, PageEntry(kind(of: entry.frame), entry.frame, writable: writable))
        map(entry.frame)
    }
}
