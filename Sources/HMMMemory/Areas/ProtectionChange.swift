/// `mprotect`: other permissions for a range, area by area. Kernel: mprotect(2), MMU_NOTIFY_PROTECTION_VMA.
public struct ProtectionChange: SteppedWork {
    public let space: SpaceID
    public let range: PageRange
    public let protection: Protection
    /// Pages whose entry changed.
    public private(set) var changed: UInt64 = 0
    private var cursor: Page
    private var announced: PageRange?
    /// Entries of it before this page agree with their area.
    private var applied: Page?
    private var cut = AreaCut()
    private var pending: PageChange?

    public init(_ space: SpaceID, _ range: PageRange, _ protection: Protection) {
        self.space = space
        self.range = range
        self.protection = protection
        cursor = range.start
    }

    /// It is announced and made in pieces, and between two of them one area more is cut.
    public var isInPieces: Bool {
        !range.isEmpty && range.start.number >> 27 != (range.end.number - 1) >> 27
    }

    /// Fails at the first hole; what lies before it has been changed.
    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        if let piece = announced {
            var page = applied ?? piece.start
            if applied == nil { machine.protect(index, PageRange(cursor, piece.end), protection) }
            guard machine.applyProtection(index, piece, from: &page, &changed) else {
                applied = page
                return .more
            }
            applied = nil
            announced = nil
            cursor = piece.end
        }
        while cursor < range.end {
            if machine.isSliceSpent { return .more }
            // Areas beyond are moved up or down.
            machine.spend(UInt64(machine.spaces[index].areas.areas.count) / 4)
            guard let area = machine.spaces[index].areas.area(at: cursor) else {
                return .failed(MemoryFault(.notMapped, cursor))
            }
            let part = area.range.clamped(to: PageRange(cursor, range.end))
            // A part that changes nothing is announced to nobody.
            if area.protection != protection {
                if let page = machine.reservedCut(index, part) { return .failed(MemoryFault(.wrongKind, page)) }
                if let step = cut.next(machine, index, part, of: range, &pending) { return step }
                if let piece = Self.firstPiece(part, machine.spaces[index].table) {
                    announced = piece
                    return .invalidate(Invalidation(space, piece, .protectionVMA))
                }
                machine.protect(index, part, protection)
            }
            cursor = part.end
        }
        return .done
    }

    /// What to announce first: from the first populated gibibyte to the end, within one slot of 512 GiB.
    private static func firstPiece(_ part: PageRange, _ table: borrowing PageTable) -> PageRange? {
        guard let start = table.firstPopulatedGibibyte(in: part) else { return nil }
        let slotEnd = Page(number: (start.number | 0x7ff_ffff) + 1)
        return PageRange(start, min(slotEnd, part.end))
    }
}

extension Machine {
    /// Gives a part of an area other permissions. What may be written counts as memory until it is found to have none
    /// of its own. Kernel: VM_ACCOUNT in mprotect_fixup().
    mutating func protect(_ index: Int, _ range: PageRange, _ protection: Protection) {
        changeArea(index, range) { area in
            if !protection.contains(.write) {
                if area.kind == .anonymous, area.object == 0 { area.isAccounted = false }
            } else if !area.isShared, !area.isWritable, area.kind != .hugetlb {
                area.isAccounted = true
            }
            area.protection = protection
        }
    }

    /// Makes the entries of `range` from `page` on agree with their area, until the slice is spent; false when there is
    /// more. `changed` grows by the pages that changed.
    mutating func applyProtection(
        _ index: Int, _ range: PageRange, from page: inout Page, _ changed: inout UInt64
    ) -> Bool {
        guard let area = spaces[index].areas.area(at: range.start) else { return true }
        while let piece = spaces[index].table.nextLeaf(from: page, before: range.end) {
            if isSliceSpent { return false }
            spend(UInt64(piece.count) * Slice.entry)
            page = piece.start + UInt64(piece.count)
            guard let words = piece.words else {
                let entry = piece.huge
                let becomes = entry.withWritable(mayBeWritten(entry, area))
                if becomes != entry { changed += 512 }
                spaces[index].table.setHuge(piece.start, becomes)
                continue
            }
            for offset in 0..<piece.count where words[offset] != 0 {
                let entry = PageEntry(word: words[offset])
                let becomes = entry.withWritable(mayBeWritten(entry, area))
                if becomes != entry { changed += 1 }
                words[offset] = becomes.word
            }
        }
        return true
    }

    /// An entry is writable after its area has got other permissions. Kernel: change_pte_range(),
    /// can_change_pte_writable().
    private func mayBeWritten(_ entry: PageEntry, _ area: Area) -> Bool {
        switch entry.kind {
        case .none, .zero: false
        case .system, .coherent:
            // A page of the reserve is writable again only once it is written. Kernel: hugetlb_change_protection().
            area.isWritable && area.kind != .hugetlb
                && (area.isShared || physical.frame(entry.frame).pointee.isExclusivelyOwned)
        // What is not present loses it even where the area may be written, and gets it back by a CPU's write only.
        case .devicePrivate, .exclusive: false
        case .migrating: entry.isReserved && entry.isWritable
        }
    }
}
