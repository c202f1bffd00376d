/// `mremap` and `madvise` on the model.
extension MemoryModel {
    struct Move {
        var old: Range<UInt64>
        var count: UInt64
        let target: UInt64?
        let keepsOld: Bool
        let mayMove: Bool

        /// Pages of the reserve stay whole, and do not become more.
        var isOfHugePages: Bool { (old.lowerBound | (target ?? 0)) & 511 == 0 && count <= UInt64(old.count) }

        var kept: Range<UInt64> { old.lowerBound..<old.lowerBound + min(count, UInt64(old.count)) }
    }

    /// Pages of the reserve are counted whole, whatever the lengths say. Kernel: mremap() of a hugetlb area.
    func whole(_ space: UInt32, _ move: Move) -> Move {
        guard spaces[space]?.pages[move.old.lowerBound]?.backing == .hugetlb else { return move }
        var whole = move
        whole.old = move.old.lowerBound..<move.old.lowerBound + (UInt64(move.old.count) + 511) & ~511
        whole.count = (move.count + 511) & ~511
        return whole
    }

    /// What comes before the move itself: the target is cleared, and what is too long is cut. Refused as the kernel
    /// refuses it, with what was done before done.
    mutating func prepare(_ space: UInt32, _ move: Move) -> Refusal? {
        guard let first = spaces[space]?.pages[move.old.lowerBound] else {
            return Refusal(code: "NOMAP", errno: "EFAULT")
        }
        if first.backing == .hugetlb, !move.isOfHugePages { return Refusal(code: "BADARG") }
        if let target = move.target {
            let new = target..<target + move.count
            // As the kernel has it: an empty range within another overlaps it.
            if new.lowerBound < move.old.upperBound, move.old.lowerBound < new.upperBound {
                return Refusal(code: "BADARG")
            }
            if spaces[space]?.reservedCut(new) != nil { return Refusal(code: "BADARG") }
            spaces[space]?.unmap(new)
        }
        if move.count < move.old.count {
            let tail = move.kept.upperBound..<move.old.upperBound
            if spaces[space]?.reservedCut(tail) != nil { return Refusal(code: "BADARG") }
            spaces[space]?.unmap(tail)
        }
        return nil
    }

    /// What makes the move itself impossible.
    func refusal(_ space: UInt32, _ move: Move) -> Refusal? {
        guard let model = spaces[space], let first = model.pages[move.old.lowerBound] else {
            return Refusal(code: "NOMAP", errno: "EFAULT")
        }
        if move.old.isEmpty { return first.isShared ? nil : Refusal(code: "BADARG") }
        guard model.isUniform(move.kept) else { return Refusal(code: "NOMAP", errno: "EFAULT") }
        let isFixedSize = [.io, .device, .hugetlb].contains(first.backing)
        if move.count > move.old.count, isFixedSize { return Refusal(code: "NOMAP", errno: "EFAULT") }
        if move.keepsOld, first.backing == .io || first.backing == .device { return Refusal(code: "BADARG") }
        if !move.mayMove, move.count > move.old.count, !canGrow(space, move) { return Refusal(code: "NOSPACE") }
        return nil
    }

    func canGrow(_ space: UInt32, _ move: Move) -> Bool {
        let more = move.old.upperBound..<move.old.lowerBound + move.count
        return more.allSatisfy { spaces[space]?.pages[$0] == nil }
    }

    /// It stays where it is.
    func stays(_ space: UInt32, _ move: Move) -> Bool {
        guard move.target == nil, !move.keepsOld, !move.old.isEmpty else { return false }
        return move.count <= move.old.count || canGrow(space, move)
    }

    mutating func remap(_ space: UInt32, _ move: Move, to start: UInt64) {
        guard let model = spaces[space], let first = model.pages[move.old.lowerBound] else { return }
        let shift = start &- move.old.lowerBound
        if shift != 0 {
            for number in move.kept {
                spaces[space]?.pages[number] = move.keepsOld ? model.pages[number]?.fresh(0) : nil
            }
            for number in move.kept { spaces[space]?.pages[number &+ shift] = model.pages[number] }
        }
        for number in UInt64(move.kept.count)..<max(move.count, UInt64(move.kept.count)) {
            spaces[space]?.pages[start + number] = first.fresh(number)
        }
    }

    // MARK: madvise

    /// Area by area; a hole is passed over and reported at the end.
    mutating func advise(_ space: UInt32, _ range: Range<UInt64>, _ advice: String) -> Refusal? {
        var hole: UInt64?
        for number in range {
            guard let page = spaces[space]?.pages[number] else {
                hole = hole ?? number
                if advice.hasPrefix("populate") { break }
                continue
            }
            if let refusal = refusal(page, number, range, advice, space) { return refusal }
            apply(advice, space, number, page, range)
        }
        return hole.map { Refusal(code: "NOMAP", errno: "ENOMEM", page: $0) }
    }

    private func refusal(
        _ page: SpaceModel.Page, _ number: UInt64, _ range: Range<UInt64>, _ advice: String, _ space: UInt32
    ) -> Refusal? {
        let wrong = Refusal(code: "ADVICE", errno: "EINVAL")
        let isHuge = page.backing == .hugetlb
        switch advice {
        case "dontneed":
            return page.backing == .io || (isHuge && number == range.lowerBound && number & 511 != 0) ? wrong : nil
        case "free": return page.backing == .anonymous ? nil : wrong
        case "cold", "pageout": return page.backing == .anonymous || page.backing.file != nil ? nil : wrong
        case "remove":
            if page.isShared { return nil }
            return page.isCopied || isHuge ? Refusal(code: "PERM", errno: "EACCES") : wrong
        case "populate-read", "populate-write":
            let isFit = advice == "populate-read" ? page.rights.contains(.read) : page.isWritable
            guard isFit, page.backing != .io else { return wrong }
            return isBeyondEnd(page) ? Refusal(code: "BUSERR", page: number) : nil
        case "wipeonfork" where page.backing != .anonymous: return wrong
        case "dofork" where page.backing == .io: return wrong
        case "collapse": return nil
        default:
            // Marks cut areas, and those of huge pages cannot be cut.
            guard isHuge, Self.marked(page.flags, advice) != page.flags else { return nil }
            let block = max(number & ~511, range.lowerBound)..<min(range.upperBound, (number | 511) + 1)
            return spaces[space]?.reservedCut(block) == nil ? nil : wrong
        }
    }

    private mutating func apply(
        _ advice: String, _ space: UInt32, _ number: UInt64, _ page: SpaceModel.Page, _ range: Range<UInt64>
    ) {
        switch advice {
        case "dontneed":
            if page.backing == .hugetlb, range.upperBound <= number | 511 { return }
            spaces[space]?.pages[number]?.bytes = nil
            spaces[space]?.pages[number]?.isFaded = false
        case "remove":
            guard case .shared(let file, let index) = page.backing else { return }
            files[file]?.pages[index] = nil
            changed(file, index, isWhole: true)
        default: spaces[space]?.pages[number]?.flags = Self.marked(page.flags, advice)
        }
    }

    private static func marked(_ flags: Set<String>, _ advice: String) -> Set<String> {
        switch advice {
        case "hugepage": flags.subtracting(["nohugepage"]).union(["hugepage"])
        case "nohugepage": flags.subtracting(["hugepage"]).union(["nohugepage"])
        case "dontfork", "wipeonfork": flags.union([advice])
        case "dofork": flags.subtracting(["dontfork"])
        case "keeponfork": flags.subtracting(["wipeonfork"])
        default: flags
        }
    }
}
