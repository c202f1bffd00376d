/// How a huge page of 512 frames, mapped as one or in pieces, by one address space or more, is split or taken away.
extension Machine {
    /// The parts of areas that may map pages of a huge page, in the order in which the kernel visits them.
    mutating func parts(of head: FrameNumber) -> [Hold] {
        let frame = physical.frame(head).pointee
        guard frame.isAnonymous, anonymousObjects.contains(frame.object) else { return [] }
        let (parts, looked) = anonymousObjects[frame.object].map.parts(frame.index, frame.index + 512)
        spend(UInt64(looked) * Slice.entry)
        return parts
    }

    /// A page of a part maps the huge page and is present.
    func showsSome(_ part: Hold, _ head: FrameNumber) -> Bool {
        guard let index = spaces.index(of: part.space) else { return false }
        return (0..<part.range.count).contains { offset in
            let entry = spaces[index].table[part.range.start + offset]
            return entry.isPresent && entry.hasFrame && Self.head(entry.frame) == head
        }
    }

    /// What announces that a huge page is split in a part of an area: the whole table, and the page if it goes beyond.
    func splitNotice(_ part: Hold) -> Invalidation {
        let base = part.range.start.hugeStart
        return Invalidation(part.space, PageRange(base, max(base + 512, part.range.end)), .clear)
    }

    /// Someone uses a page of a huge page, which keeps it from being split.
    func isHugePageUsed(_ head: FrameNumber) -> Bool {
        (0..<512).contains { isUsedOtherwise(head.advanced($0)) }
    }

    /// How many pages from `page` up to `end` hold consecutive pages of one huge page; 0 where none is.
    /// Kernel: folio_pte_batch().
    func hugePart(_ index: Int, _ page: Page, before end: Page) -> UInt64 {
        let entry = spaces[index].table[page]
        guard entry.kind == .system, physical.frame(entry.frame).pointee.isLarge else { return 0 }
        let room = min(512 - entry.frame.number & 511, end - page)
        if entry.isHuge { return room }
        var count: UInt64 = 1
        while count < room {
            let next = spaces[index].table[page + count]
            guard next.kind == .system, next.frame.number == entry.frame.number + count else { break }
            count += 1
        }
        return count
    }

    /// Whether more than one address space seems to map a huge page: a guess. Kernel: folio_likely_mapped_shared().
    mutating func seemsShared(_ head: FrameNumber) -> Bool {
        let whole = parts(of: head).count { part in
            guard let index = spaces.index(of: part.space), let entry = spaces[index].table.huge(part.range.start)
            else { return false }
            return entry.hasFrame && entry.frame == head
        }
        let all = (0..<512).reduce(0) { $0 + Int(physical.frame(head.advanced($1)).pointee.mappings) }
        let mappings = all - 511 * whole
        if mappings <= 1 { return false }
        return whole > 0 || mappings > 512 || physical.frame(head).pointee.mappings > 1
    }

    /// Makes a huge page 512 small ones, however it is mapped. Those that hold nothing but zeroes give way to the
    /// shared zero page. Kernel: split_folio(), try_to_map_unused_to_zeropage().
    mutating func splitHugePage(_ head: FrameNumber) {
        let parts = parts(of: head)
        for part in parts {
            guard let index = spaces.index(of: part.space) else { continue }
            if let entry = spaces[index].table.huge(part.range.start), entry.hasFrame, entry.frame == head {
                spaces[index].table.splitHuge(part.range.start)
            }
        }
        for offset in 0..<512 { physical.frame(head.advanced(offset)).pointee.isLarge = false }
        for part in parts { dropZeroes(part, head) }
    }

    private mutating func dropZeroes(_ part: Hold, _ head: FrameNumber) {
        guard let index = spaces.index(of: part.space) else { return }
        for offset in 0..<part.range.count {
            let page = part.range.start + offset
            let entry = spaces[index].table[page]
            guard entry.kind == .system, Self.head(entry.frame) == head, isZero(entry.frame) else { continue }
            spaces[index].table.set(page, .zero)
            spaces[index].resident -= 1
            unmap(entry.frame)
        }
    }

    private func isZero(_ frame: FrameNumber) -> Bool {
        let words = physical.bytes(frame).assumingMemoryBound(to: UInt64.self)
        return !(0..<PageSize.bytes / 8).contains { words[$0] != 0 }
    }
}
