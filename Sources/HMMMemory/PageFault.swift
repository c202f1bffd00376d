/// What one page needs before an access can go on. Kernel: the outcomes of handle_mm_fault().
enum PageFaultOutcome {
    case ready
    /// Mirrors must be told of `invalidation` before `change` is applied.
    case invalidate(Invalidation, PageChange)
    case failed(MemoryFault.Cause)
}

/// A change of the page table that waits for mirrors to let go.
public enum PageChange: Equatable, Sendable {
    /// The zero page gives way to memory of its own.
    case replaceZero(SpaceID, Page)
    /// Private device pages come back to system memory. Kernel: dev_pagemap_ops.migrate_to_ram().
    case bringBack(SpaceID, PageRange)
}

extension Machine {
    /// Makes `page` usable for the CPU, as far as that takes no announcement. Pages of private device memory come back
    /// together with their neighbours on the same device up to `end`.
    ///
    /// The area has been checked: it permits the access.
    mutating func handleFault(_ space: SpaceID, _ page: Page, upTo end: Page, write: Bool) -> PageFaultOutcome {
        guard let index = spaces.index(of: space) else { return .failed(.gone) }
        let entry = spaces[index].table[page]
        switch entry.kind {
        case .none:
            guard spaces[index].table.hasRoom(for: page) else { return .failed(.limit) }
            return populate(index, space, page, write: write)
        case .zero:
            guard write else { return .ready }
            return .invalidate(Invalidation(space, PageRange(page), .clear), .replaceZero(space, page))
        case .system:
            // The only mapping of its frame: made writable in place, which takes nothing away from anyone.
            if write, !entry.isWritable { spaces[index].table.set(page, entry.withWritable(true)) }
            return .ready
        case .devicePrivate:
            let range = PageRange(page, endOfRun(index, page, upTo: end))
            let owner = device(of: entry.frame)
            return .invalidate(Invalidation(space, range, .migrate, owner: owner), .bringBack(space, range))
        case .migrating: return .failed(.gone)
        }
    }

    private mutating func populate(_ index: Int, _ space: SpaceID, _ page: Page, write: Bool) -> PageFaultOutcome {
        guard write else {
            spaces[index].table.set(page, .zero)
            return .ready
        }
        return mapZeroed(index, space, page) ? .ready : .failed(.limit)
    }

    /// Maps a new zeroed, writable frame at `page`; false at the limit.
    private mutating func mapZeroed(_ index: Int, _ space: SpaceID, _ page: Page) -> Bool {
        guard let frame = allocateSystem() else { return false }
        physical.bytes(frame).initializeMemory(as: UInt8.self, repeating: 0, count: PageSize.bytes)
        map(frame, space, page)
        spaces[index].table.set(page, PageEntry(.system, frame, writable: true))
        spaces[index].resident += 1
        return true
    }

    /// One past the last of the pages from `page` that lie on the same device.
    private func endOfRun(_ index: Int, _ page: Page, upTo end: Page) -> Page {
        let owner = device(of: spaces[index].table[page].frame)
        var next = page + 1
        while next < end {
            let entry = spaces[index].table[next]
            guard entry.kind == .devicePrivate, device(of: entry.frame) == owner else { break }
            next = next + 1
        }
        return next
    }

    /// Applies the change that an operation has announced, once.
    mutating func applyAnnounced(_ pending: inout PageChange?) -> MemoryFault? {
        guard let change = pending else { return nil }
        pending = nil
        return apply(change)
    }

    /// Applies a change whose announcement is over. What is no longer as it was is left alone.
    mutating func apply(_ change: PageChange) -> MemoryFault? {
        switch change {
        case .replaceZero(let space, let page):
            guard let index = spaces.index(of: space), spaces[index].table[page].kind == .zero else { return nil }
            return mapZeroed(index, space, page) ? nil : MemoryFault(.limit, page)
        case .bringBack(let space, let range): return bringBack(space, range)
        }
    }

    private mutating func bringBack(_ space: SpaceID, _ range: PageRange) -> MemoryFault? {
        guard let index = spaces.index(of: space) else { return nil }
        var page = range.start
        while page < range.end {
            let entry = spaces[index].table[page]
            if entry.kind == .devicePrivate, !moveToSystem(index, space, page, entry) {
                return MemoryFault(.limit, page)
            }
            page = page + 1
        }
        return nil
    }

    /// Copies a device page to a new system frame and maps that in its place; false when there is no frame. A move does
    /// not count against the limit, or who has reached it could not get at his memory. Kernel: mem_cgroup_migrate().
    mutating func moveToSystem(_ index: Int, _ space: SpaceID, _ page: Page, _ entry: PageEntry) -> Bool {
        guard let frame = allocateSystem(replacing: true) else { return false }
        physical.bytes(frame).copyMemory(from: physical.bytes(entry.frame), byteCount: PageSize.bytes)
        map(frame, space, page)
        spaces[index].table.set(page, PageEntry(.system, frame, writable: entry.isWritable))
        unmap(entry.frame)
        return true
    }
}
