/// What `madvise` can be told. Kernel: MADV_*.
public enum MemoryAdvice: UInt8, Sendable, CaseIterable {
    case dontNeed, free, remove, hugePage, noHugePage, collapse, dontFork, doFork, wipeOnFork, keepOnFork
    case cold, pageOut, populateRead, populateWrite
}

/// `madvise`: area by area; a hole is passed over and reported at the end. Kernel: madvise(2).
public struct AdviceChange: SteppedWork {
    public let space: SpaceID
    public let range: PageRange
    public let advice: MemoryAdvice
    /// Pages it changed.
    public private(set) var changed: UInt64 = 0
    private var cursor: Page
    private var hole: Page?
    private var announced: PageRange?
    private var pending: PageChange?
    private var farewell = Farewell()
    /// Pages elsewhere that have been announced and not changed yet.
    public var told: [Place] { farewell.places }
    private var punch: FileCut?
    /// The parts of areas that have been told of the hole being made in their file.
    public var cutParts: [Hold] { punch?.told ?? [] }
    private var cut = AreaCut()
    /// How far a part has been searched for huge pages that become small ones.
    private var searched: Page?
    /// The last page that an announcement was made for.
    private var populated: Page?
    /// Some huge page could not be made.
    private var hasFailed = false

    public init(_ space: SpaceID, _ range: PageRange, _ advice: MemoryAdvice) {
        self.space = space
        self.range = range
        self.advice = advice
        cursor = range.start
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        if let part = announced {
            guard apply(&machine, index, part) else { return .more }
            announced = nil
        }
        while true {
            if let step = cutFile(&machine) { return step }
            if machine.isSliceSpent { return .more }
            guard cursor < range.end, let area = machine.spaces[index].areas.nextArea(from: cursor, before: range.end)
            else {
                if cursor < range.end { hole = hole ?? cursor }
                break
            }
            if area.range.start > cursor {
                hole = hole ?? cursor
                // Populating stops where nothing can be populated; everything else goes on behind the hole.
                if advice == .populateRead || advice == .populateWrite { break }
                cursor = area.range.start
            }
            let part = area.range.clamped(to: PageRange(cursor, range.end))
            if let step = visit(&machine, index, area, part) { return step }
            machine.spend(8 * Slice.entry)
            cursor = part.end
        }
        return hole.map { .failed(MemoryFault(.notMapped, $0)) } ?? .done
    }

    private mutating func cutFile(_ machine: inout Machine) -> Step? {
        guard let step = punch?.step(&machine) else { return nil }
        guard step == .done else { return step }
        changed += punch?.dropped ?? 0
        punch = nil
        return nil
    }

    /// Kernel: madvise_vma_behavior().
    private mutating func visit(_ machine: inout Machine, _ index: Int, _ area: Area, _ part: PageRange) -> Step? {
        switch advice {
        case .dontNeed: return drop(&machine, index, area, part)
        case .free:
            guard area.kind == .anonymous else { return refused(part) }
            if let step = splitPages(&machine, index, part) { return step }
            return announce(part)
        case .cold, .pageOut:
            guard area.kind != .hugetlb, area.kind != .io else { return refused(part) }
            return splitPages(&machine, index, part)
        case .remove: return remove(area, part)
        case .collapse: return collapse(&machine, index, area, part)
        case .populateRead, .populateWrite: return populate(&machine, index, area, part)
        case .hugePage, .noHugePage, .dontFork, .doFork, .wipeOnFork, .keepOnFork:
            return mark(&machine, index, area, part)
        }
    }

    private func refused(_ part: PageRange) -> Step { .failed(MemoryFault(.wrongKind, part.start)) }

    private mutating func announce(_ part: PageRange) -> Step {
        announced = part
        cursor = part.start
        return .invalidate(Invalidation(space, part, .clear))
    }

    /// Makes the change that has been announced; false when there is more of it.
    private mutating func apply(_ machine: inout Machine, _ index: Int, _ part: PageRange) -> Bool {
        if advice == .dontNeed { return machine.zap(index, part, from: &cursor, &changed) }
        cursor = part.end
        if advice == .collapse { changed += machine.collapse(index, part.start) }
        return true
    }

    private mutating func drop(_ machine: inout Machine, _ index: Int, _ area: Area, _ part: PageRange) -> Step? {
        if area.kind == .io { return refused(part) }
        if area.kind == .hugetlb {
            // Its end counts as far as whole pages go.
            guard part.start.number & 511 == 0 else { return refused(part) }
            let whole = PageRange(part.start, part.end.hugeStart)
            return whole.isEmpty ? nil : announce(whole)
        }
        if let step = machine.splitMappings(index, part, of: range, &pending) { return step }
        return announce(part)
    }

    /// A hole in a file: it goes for everyone who maps it, but not what they have written for themselves.
    private mutating func remove(_ area: Area, _ part: PageRange) -> Step? {
        guard area.kind != .anonymous, area.kind != .io else { return refused(part) }
        guard area.isShared, let file = area.file else { return .failed(MemoryFault(.notWritable, part.start)) }
        let start = area.offset(of: part.start)
        // The loop goes on with the cut.
        punch = FileCut(file, from: start, to: start + part.count, copiesToo: false)
        return nil
    }

    private mutating func mark(_ machine: inout Machine, _ index: Int, _ area: Area, _ part: PageRange) -> Step? {
        if advice == .wipeOnFork, area.kind != .anonymous { return refused(part) }
        if advice == .doFork, area.kind == .io { return refused(part) }
        let becomes = marked(area.advice)
        guard becomes != area.advice else { return nil }
        if machine.reservedCut(index, part) != nil { return refused(part) }
        if let step = cut.next(machine, index, part, of: range, &pending) { return step }
        machine.changeArea(index, part) { $0.advice = becomes }
        return nil
    }

    /// The area is told something it does not know yet.
    public func marks(_ area: Area) -> Bool { marked(area.advice) != area.advice }

    private func marked(_ marks: Area.Advice) -> Area.Advice {
        switch advice {
        case .hugePage: marks.subtracting(.noHugePage).union(.hugePage)
        case .noHugePage: marks.subtracting(.hugePage).union(.noHugePage)
        case .dontFork: marks.union(.dontFork)
        case .doFork: marks.subtracting(.dontFork)
        case .wipeOnFork: marks.union(.wipeOnFork)
        case .keepOnFork: marks.subtracting(.wipeOnFork)
        default: marks
        }
    }

    /// Kernel: faultin_page_range() for MADV_POPULATE_READ and MADV_POPULATE_WRITE.
    private mutating func populate(_ machine: inout Machine, _ index: Int, _ area: Area, _ part: PageRange) -> Step? {
        let isWrite = advice == .populateWrite
        guard area.kind != .io, isWrite ? area.isWritable : area.protection.contains(.read) else {
            return refused(part)
        }
        while cursor < part.end {
            if machine.isSliceSpent { return .more }
            machine.spend(Slice.entry)
            let entry = machine.spaces[index].table[cursor]
            if entry.isPresent, entry.isWritable || !isWrite {
                cursor = cursor + 1
                continue
            }
            switch machine.handleFault(space, cursor, upTo: part.end, isWrite ? .write : .read) {
            case .ready: changed += 1
            case .invalidate(let invalidation, let change):
                if populated != cursor { changed += 1 }
                populated = cursor
                pending = change
                return .invalidate(invalidation)
            case .failed(let cause): return .failed(MemoryFault(cause, cursor))
            }
        }
        return nil
    }

    // MARK: Huge pages

    /// Huge pages of which the part has not all become small ones for good, unless others seem to share them.
    /// Kernel: split_folio() in madvise_cold_or_pageout_pte_range() and madvise_free_pte_range().
    private mutating func splitPages(_ machine: inout Machine, _ index: Int, _ part: PageRange) -> Step? {
        var page = searched ?? part.start
        while let piece = machine.spaces[index].table.nextLeaf(from: page, before: part.end) {
            page = piece.start
            searched = page
            if machine.isSliceSpent { return .more }
            let count = machine.hugePart(index, page, before: piece.start + UInt64(piece.count))
            machine.spend(max(count, 1) * Slice.entry)
            guard count > 0, count < 512 else {
                page = page + max(count, 1)
                continue
            }
            let head = Machine.head(machine.spaces[index].table[page].frame)
            machine.spend(512 * Slice.entry)
            if machine.seemsShared(head) || machine.isHugePageUsed(head) || !machine.hasTables(splitting: head) {
                page = page + count
                continue
            }
            if let part = farewell.nextPart(head, &machine) { return .invalidate(machine.splitNotice(part)) }
            machine.splitHugePage(head)
            farewell.end()
        }
        searched = nil
        return nil
    }

    /// Each aligned 2 MiB of anonymous memory becomes one huge page, where it can. Kernel: madvise_collapse().
    private mutating func collapse(_ machine: inout Machine, _ index: Int, _ area: Area, _ part: PageRange) -> Step? {
        guard area.kind == .anonymous, !area.advice.contains(.noHugePage) else { return refused(part) }
        let end = part.end.hugeStart
        var base = max(part.start, cursor).hugeEnd
        if base > end, cursor == part.start { return refused(part) }
        while base < end {
            if machine.isSliceSpent, base > cursor {
                cursor = base
                return .more
            }
            machine.spend(512 * Slice.entry)
            guard let piece = machine.spaces[index].table.nextLeaf(from: base, before: end) else {
                hasFailed = true
                break
            }
            let next = piece.start.hugeStart
            if next > base { hasFailed = true }
            base = next
            if let step = collapseOne(&machine, index, base) { return step }
            base = base + 512
        }
        return hasFailed ? refused(part) : nil
    }

    /// What has to be announced before 512 pages can become one; nil when they are one, or cannot be.
    private mutating func collapseOne(_ machine: inout Machine, _ index: Int, _ base: Page) -> Step? {
        guard !machine.spaces[index].table.isHugeWithFrame(base) else { return nil }
        // What is on a device comes back first, page by page.
        for offset in 0..<UInt64(512) {
            let entry = machine.spaces[index].table[base + offset]
            guard entry.kind == .devicePrivate || entry.kind == .exclusive else { continue }
            guard
                case .invalidate(let invalidation, let change) = machine.handleFault(
                    space, base + offset, upTo: base + 512, .read)
            else { return .failed(MemoryFault(.limit, base + offset)) }
            pending = change
            return .invalidate(invalidation)
        }
        guard machine.canCollapse(index, base) else {
            hasFailed = true
            return nil
        }
        // It takes a huge page before it gives back small ones.
        guard machine.framesFree >= 512 else { return .failed(MemoryFault(.limit, base)) }
        return announce(PageRange(base, base + 512))
    }
}

extension Machine {
    /// All its pages are this space's own, and there is at least one. Kernel: __collapse_huge_page_isolate().
    func canCollapse(_ index: Int, _ base: Page) -> Bool {
        var some = false
        for offset in 0..<UInt64(512) {
            let entry = spaces[index].table[base + offset]
            switch entry.kind {
            case .none, .zero: continue
            case .system:
                let frame = physical.frame(entry.frame).pointee
                guard frame.isAnonymous, frame.references == 1 else { return false }
                some = true
            case .coherent, .devicePrivate, .exclusive, .migrating: return false
            }
        }
        return some
    }

    /// Puts what lies in 512 pages into one huge page; returns how many pages that was, 0 when it cannot be.
    mutating func collapse(_ index: Int, _ base: Page) -> UInt64 {
        guard canCollapse(index, base), let first = allocateHuge() else { return 0 }
        var old: [FrameNumber] = []
        for offset in 0..<512 {
            let entry = spaces[index].table[base + UInt64(offset)]
            guard entry.kind == .system else { continue }
            physical.bytes(first.advanced(offset)).copyMemory(
                from: physical.bytes(entry.frame), byteCount: PageSize.bytes)
            old.append(entry.frame)
        }
        spaces[index].table.removeAll(PageRange(base, base + 512)) { _, _ in }
        spaces[index].table.prune(PageRange(base, base + 512))
        for frame in old { unmap(frame) }
        spaces[index].resident -= UInt64(old.count)
        prepareObject(index, base)
        guard let area = spaces[index].areas.area(at: base) else { return 0 }
        for offset in 0..<512 {
            makeAnonymous(first.advanced(offset), area, base + UInt64(offset))
            map(first.advanced(offset))
        }
        spaces[index].table.setHuge(base, PageEntry(.system, first, writable: area.isWritable, huge: true))
        spaces[index].resident += 512
        return 512
    }
}
