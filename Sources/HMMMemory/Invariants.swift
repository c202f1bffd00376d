/// A check of the whole state. It reads everything, so it is for tests and for an operator in doubt.
extension Machine {
    /// What is wrong with the state; empty when all is well.
    public func violations() -> [String] {
        var found: [String] = []
        var mapped: [FrameNumber: UInt32] = [:]
        for index in 0..<spaces.count { check(index, &mapped, &found) }
        for index in 0..<mirrors.count { check(mirror: index, &found) }
        checkFrames(mapped, &found)
        return found
    }

    private func check(_ index: Int, _ mapped: inout [FrameNumber: UInt32], _ found: inout [String]) {
        let id = spaces.id(at: index)
        let isQuiet = spaces[index].activeInvalidations == 0
        if isQuiet, spaces[index].sequence & 1 == 1 {
            found.append("mm \(id.rawValue): odd sequence without an invalidation")
        }
        var resident: UInt64 = 0
        forEachEntry(spaces[index].table) { page, entry in
            guard let area = spaces[index].areas.area(at: page) else {
                return found.append("mm \(id.rawValue): an entry outside every area at \(page.address)")
            }
            switch entry.kind {
            case .none: found.append("mm \(id.rawValue): an empty entry counts as populated")
            case .zero: break
            case .migrating: if isQuiet { found.append("mm \(id.rawValue): a migrating entry outside a migration") }
            case .system, .devicePrivate:
                resident += 1
                mapped[entry.frame, default: 0] += 1
                if (device(of: entry.frame) != nil) != (entry.kind == .devicePrivate) {
                    found.append("mm \(id.rawValue): entry and frame disagree at \(page.address)")
                }
                if entry.isWritable, !area.protection.contains(.write) {
                    found.append("mm \(id.rawValue): a writable entry in a read-only area at \(page.address)")
                }
                let frame = physical.frame(entry.frame).pointee
                if frame.space != id || frame.page != page { found.append("a frame does not know its mapping") }
            }
        }
        if resident != spaces[index].resident {
            found.append("mm \(id.rawValue): \(resident) resident pages, not \(spaces[index].resident)")
        }
    }

    private func check(mirror index: Int, _ found: inout [String]) {
        let id = mirrors.id(at: index)
        if mirrors[index].sequence & 1 == 0 { found.append("mirror \(id.rawValue): an even sequence") }
        guard let space = spaces.index(of: mirrors[index].space) else { return }
        let isQuiet = spaces[space].activeInvalidations == 0
        forEachEntry(mirrors[index].table) { page, entry in
            if !mirrors[index].range.contains(page) {
                found.append("mirror \(id.rawValue): an entry outside its range")
            }
            let actual = spaces[space].table[page]
            let agrees =
                actual.kind == entry.kind && actual.frame == entry.frame && (actual.isWritable || !entry.isWritable)
            if isQuiet, !agrees { found.append("mirror \(id.rawValue): a stale translation of \(page.address)") }
        }
    }

    private func checkFrames(_ mapped: [FrameNumber: UInt32], _ found: inout [String]) {
        var regionFrames: UInt64 = 0
        for index in 0..<regions.count { regionFrames += regions[index].used }
        if system.used + regionFrames != physical.used { found.append("zones and total disagree on frames in use") }
        var isQuiet = true
        for index in 0..<spaces.count where spaces[index].activeInvalidations > 0 { isQuiet = false }
        if isQuiet, UInt64(mapped.count) != physical.used {
            found.append("\(physical.used) frames in use, \(mapped.count) mapped")
        }
        for (frame, count) in mapped {
            let known = physical.frame(frame).pointee
            if known.mappings != count || known.references < count {
                found.append("frame \(frame.number): wrong counts")
            }
        }
    }

    private func forEachEntry(_ table: borrowing PageTable, _ body: (Page, PageEntry) -> Void) {
        var page = AddressSpace.everything.start
        while let piece = table.nextLeaf(from: page, before: AddressSpace.everything.end) {
            for offset in 0..<piece.count where piece.words[offset] != 0 {
                body(piece.start + UInt64(offset), PageEntry(word: piece.words[offset]))
            }
            page = piece.start + UInt64(piece.count)
        }
    }
}
