/// A check of the whole state. It reads everything, so it is for tests and for an operator in doubt.
extension Machine {
    /// What is wrong with the state; empty when all is well.
    public func violations() -> [String] {
        var found: [String] = []
        var uses = FrameUses()
        for index in 0..<spaces.count { check(index, &uses, &found) }
        for index in 0..<files.count { check(file: index, &uses, &found) }
        for index in 0..<pins.count { for frame in pins[index].frames { uses.held[frame, default: 0] += 1 } }
        for index in 0..<mirrors.count { check(mirror: index, &found) }
        check(uses, &found)
        return found
    }

    /// Who uses which frame.
    private struct FrameUses {
        var mapped: [FrameNumber: UInt32] = [:]
        /// Mappings that permit writing.
        var written: [FrameNumber: UInt32] = [:]
        /// Exclusive entries, files, pins, places reserved.
        var held: [FrameNumber: UInt32] = [:]
        var isQuiet = true
    }

    private func check(_ index: Int, _ uses: inout FrameUses, _ found: inout [String]) {
        let id = spaces.id(at: index)
        let isQuiet = spaces[index].activeInvalidations == 0
        if !isQuiet { uses.isQuiet = false }
        if isQuiet, spaces[index].sequence & 1 == 1 {
            found.append("mm \(id.rawValue): odd sequence without an invalidation")
        }
        checkAreas(index, &found)
        var resident: UInt64 = 0
        forEachEntry(spaces[index].table) { page, entry in
            guard let area = spaces[index].areas.area(at: page) else {
                return found.append("mm \(id.rawValue): an entry outside every area at \(page.address)")
            }
            if entry.isHuge, !area.range.contains(Page(number: page.number | 511)) {
                found.append("mm \(id.rawValue): a huge mapping beyond its area at \(page.address)")
            }
            if entry.isWritable, !area.isWritable, !entry.isReserved {
                found.append("mm \(id.rawValue): a writable entry in a read-only area at \(page.address)")
            }
            resident += count(entry, Place(space: id, page: page), area, &uses, &found)
        }
        if resident != spaces[index].resident {
            found.append("mm \(id.rawValue): \(resident) resident pages, not \(spaces[index].resident)")
        }
    }

    private func checkAreas(_ index: Int, _ found: inout [String]) {
        var end = Page(number: 0)
        for area in spaces[index].areas.areas {
            if area.range.isEmpty || area.range.start < end {
                found.append("areas overlap at \(area.range.start.address)")
            }
            end = area.range.end
            if (area.object == 0) != (area.lineage == 0) { found.append("an area with half an anonymous object") }
        }
    }

    /// Books what an entry uses; returns 1 when it is resident.
    private func count(
        _ entry: PageEntry, _ place: Place, _ area: Area, _ uses: inout FrameUses, _ found: inout [String]
    ) -> UInt64 {
        guard entry.hasFrame else { return 0 }
        guard physical.exists(entry.frame) else {
            found.append("an entry without memory at \(place.page.address)")
            return 0
        }
        if entry.kind == .migrating, !entry.isReserved, !physical.frame(entry.frame).pointee.isLocked {
            found.append("a migrating entry outside a migration at \(place.page.address)")
        }
        if entry.isReserved {
            uses.held[entry.frame, default: 0] += 1
            return 0
        }
        let frame = physical.frame(entry.frame).pointee
        switch entry.kind {
        case .exclusive: uses.held[entry.frame, default: 0] += 1
        case .migrating: uses.mapped[entry.frame, default: 0] += 1
        case .system, .coherent, .devicePrivate:
            uses.mapped[entry.frame, default: 0] += 1
            if kind(of: entry.frame) != entry.kind { found.append("entry and frame disagree at \(place.page.address)") }
        case .none, .zero: break
        }
        if entry.isWritable, frame.isAnonymous {
            uses.written[entry.frame, default: 0] += 1
            if !frame.isExclusivelyOwned { found.append("a writable entry of shared memory at \(place.page.address)") }
        }
        if frame.object != 0, !isFound(entry.frame, place) {
            found.append("frame \(entry.frame.number) does not know its mapping at \(place.page.address)")
        }
        if frame.object != 0, frame.index != area.offset(of: place.page) {
            found.append("frame \(entry.frame.number) has another offset than its mapping")
        }
        return 1
    }

    private func isFound(_ frame: FrameNumber, _ place: Place) -> Bool {
        var isFound = false
        forEachPlace(of: frame) { space, page in
            if Place(space: space, page: page) == place { isFound = true }
            return !isFound
        }
        return isFound
    }

    private func check(file index: Int, _ uses: inout FrameUses, _ found: inout [String]) {
        var present: UInt64 = 0
        forEachEntry(files[index].pages) { page, entry in
            present += 1
            uses.held[entry.frame, default: 0] += 1
            if page.number >= files[index].pageCount { found.append("a page of a file past its end") }
        }
        if present != files[index].present {
            found.append("file \(files.id(at: index).rawValue): wrong count of pages")
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
                actual.kind == entry.kind && actual.hasFrame == entry.hasFrame
                && (!entry.hasFrame || actual.frame == entry.frame) && (actual.isWritable || !entry.isWritable)
            if isQuiet, !agrees { found.append("mirror \(id.rawValue): a stale translation of \(page.address)") }
        }
    }

    private func check(_ uses: FrameUses, _ found: inout [String]) {
        var regionFrames: UInt64 = 0
        for index in 0..<regions.count { regionFrames += regions[index].used }
        if system.used + regionFrames != physical.used { found.append("zones and total disagree on frames in use") }
        let known = Set(uses.mapped.keys).union(uses.held.keys)
        if uses.isQuiet, UInt64(known.count) + stagedFrames != physical.used {
            found.append("\(physical.used) frames in use, \(known.count) known")
        }
        for number in known {
            guard physical.exists(number) else {
                found.append("frame \(number.number): in use and not there")
                continue
            }
            let frame = physical.frame(number).pointee
            let mappings = uses.mapped[number] ?? 0
            if frame.mappings != mappings || (uses.isQuiet && frame.references != mappings + (uses.held[number] ?? 0)) {
                found.append("frame \(number.number): wrong counts")
            }
            if frame.isExclusivelyOwned, mappings > 1 {
                found.append("frame \(number.number): owned by one, mapped by more")
            }
            if uses.written[number] ?? 0 > 1 { found.append("frame \(number.number): two may write it") }
        }
    }

    func forEachEntry(_ table: borrowing PageTable, _ body: (Page, PageEntry) -> Void) {
        var page = AddressSpace.everything.start
        while let piece = table.nextLeaf(from: page, before: AddressSpace.everything.end) {
            for offset in 0..<piece.count where !piece[offset].isNone {
                body(piece.start + UInt64(offset), piece[offset])
            }
            page = piece.start + UInt64(piece.count)
        }
    }
}
