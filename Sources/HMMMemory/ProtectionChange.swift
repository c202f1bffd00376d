/// `mprotect`: other permissions for a range, area by area. Kernel: mprotect(2), MMU_NOTIFY_PROTECTION_VMA.
public struct ProtectionChange: Equatable, Sendable {
    public let space: SpaceID
    public let range: PageRange
    public let protection: Protection
    /// Pages whose entry changed.
    public private(set) var changed: UInt64 = 0
    private var cursor: Page
    private var announced: PageRange?

    public init(_ space: SpaceID, _ range: PageRange, _ protection: Protection) {
        self.space = space
        self.range = range
        self.protection = protection
        cursor = range.start
    }

    /// Fails at the first hole; what lies before it has been changed.
    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        if let piece = announced {
            announced = nil
            // What lies before the piece has no entries.
            machine.spaces[index].areas.protect(PageRange(cursor, piece.end), protection)
            changed += machine.applyProtection(index, piece)
            cursor = piece.end
        }
        while cursor < range.end {
            guard let area = machine.spaces[index].areas.area(at: cursor) else {
                return .failed(MemoryFault(.notMapped, cursor))
            }
            let part = area.range.clamped(to: PageRange(cursor, range.end))
            // A part that changes nothing is announced to nobody.
            if area.protection != protection {
                if let piece = Self.firstPiece(part, machine.spaces[index].table) {
                    announced = piece
                    return .invalidate(Invalidation(space, piece, .protectionVMA))
                }
                machine.spaces[index].areas.protect(part, protection)
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
    /// Makes the entries of `range` agree with their area; returns how many changed.
    mutating func applyProtection(_ index: Int, _ range: PageRange) -> UInt64 {
        guard let area = spaces[index].areas.area(at: range.start) else { return 0 }
        let writable = area.protection.contains(.write)
        var changed: UInt64 = 0
        spaces[index].table.updateAll(range) { _, entry in
            // Private device memory never becomes writable again by mprotect, and the zero page never is.
            let becomes =
                switch entry.kind {
                case .system: writable
                case .devicePrivate: writable && entry.isWritable
                case .none, .zero, .migrating: entry.isWritable
                }
            if becomes != entry.isWritable { changed += 1 }
            return entry.withWritable(becomes)
        }
        return changed
    }
}
