/// The state as text, for comparing it before and after: equal text means an equal state. Reads everything.
extension Machine {
    /// What a client can find out by looking: what is there, and which bytes memory holds. Where a page is, whether a
    /// page of zeroes has a frame, and what mirrors have been told are left out: an access that fails may have changed
    /// those.
    package func visibleState() -> [String] {
        var lines: [String] = []
        for index in 0..<spaces.count {
            let id = spaces.id(at: index).rawValue
            lines.append("mm \(id)")
            for area in spaces[index].areas.areas {
                lines.append("mm \(id) area \(Self.describe(area))")
            }
            forEachEntry(spaces[index].table) { page, entry in
                guard entry.hasFrame, let area = spaces[index].areas.area(at: page) else { return }
                let contents = self.contents(entry.frame)
                // A page of a file, or a private copy of it that nobody has written, is described with the file.
                guard contents != behind(area, page) else { return }
                lines.append("mm \(id) page \(page.number) \(contents)")
            }
        }
        for index in 0..<files.count {
            let file = files.id(at: index).rawValue
            lines.append("file \(file) length \(files[index].length) holders \(files[index].holders)")
            forEachEntry(files[index].pages) { page, entry in
                let contents = self.contents(entry.frame)
                if contents != 0 { lines.append("file \(file) page \(page.number) \(contents)") }
            }
        }
        for index in 0..<devices.count { lines.append("dev \(devices.id(at: index).rawValue)") }
        for index in 0..<regions.count {
            lines.append("region \(regions.id(at: index).rawValue) \(regions[index].capacity)")
        }
        for index in 0..<mirrors.count { lines.append("mirror \(mirrors.id(at: index).rawValue)") }
        for index in 0..<pins.count { lines.append("pin \(pins.id(at: index).rawValue)") }
        lines.append("reserve \(hugePagesReserved)")
        return lines
    }

    /// Everything but the numbers that come next and tables without entries: entries, frames and who counts on them,
    /// what devices translate.
    package func wholeState() -> [String] {
        var lines = visibleState()
        for index in 0..<spaces.count {
            let id = spaces.id(at: index).rawValue
            lines.append(
                "mm \(id) resident \(spaces[index].resident) seq \(spaces[index].sequence) "
                    + "running \(spaces[index].activeInvalidations)")
            for area in spaces[index].areas.areas {
                lines.append("mm \(id) at \(area.range.start.number) object \(area.object) lineage \(area.lineage)")
            }
            forEachEntry(spaces[index].table) { page, entry in
                lines.append("mm \(id) entry \(page.number) \(describe(entry))")
            }
        }
        for index in 0..<mirrors.count {
            let id = mirrors.id(at: index).rawValue
            lines.append("mirror \(id) seq \(mirrors[index].sequence)")
            forEachEntry(mirrors[index].table) { page, entry in
                lines.append("mirror \(id) entry \(page.number) \(entry.word)")
            }
        }
        for index in 0..<files.count {
            lines.append("file \(files.id(at: index).rawValue) present \(files[index].present)")
        }
        for index in 0..<regions.count {
            lines.append("region \(regions.id(at: index).rawValue) used \(regions[index].used)")
        }
        for index in 0..<devices.count {
            lines.append("dev \(devices.id(at: index).rawValue) failing \(devices[index].failedAllocations)")
        }
        for index in 0..<pins.count {
            lines.append("pin \(pins.id(at: index).rawValue) \(pins[index].frames.map(\.number))")
        }
        lines.append("frames \(physical.used) staged \(stagedFrames) objects \(anonymousObjects.count)")
        lines.append("freed \(freedDeviceFrames.map(\.number))")
        return lines
    }

    private static func describe(_ area: Area) -> String {
        "\(area.range.start.number)+\(area.range.count) prot \(area.protection.rawValue) kind \(area.kind.rawValue) "
            + "shared \(area.isShared) advice \(area.advice.rawValue) file \(area.file?.rawValue ?? 0) at \(area.offset)"
    }

    private func describe(_ entry: PageEntry) -> String {
        guard entry.hasFrame else { return "\(entry.word)" }
        let frame = physical.frame(entry.frame).pointee
        return "\(entry.word) references \(frame.references) mappings \(frame.mappings) pins \(frame.pins) "
            + "object \(frame.object)/\(frame.index) alone \(frame.isExclusivelyOwned) locked \(frame.isLocked)"
    }

    /// What would be read there if no page were there: the file's page, or zeroes.
    private func behind(_ area: Area, _ page: Page) -> UInt64 {
        guard let id = area.file, let file = files.index(of: id), let frame = filePage(file, area.offset(of: page))
        else { return 0 }
        return contents(frame)
    }

    /// A digest of the bytes of a frame; 0 when all are zero.
    private func contents(_ frame: FrameNumber) -> UInt64 {
        let bytes = UnsafeRawBufferPointer(start: physical.bytes(frame), count: PageSize.bytes)
        var digest: UInt64 = 0
        for offset in stride(from: 0, to: PageSize.bytes, by: 8) {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard word != 0 else { continue }
            digest = (digest ^ word ^ UInt64(offset) << 32) &* 0x9e37_79b9_7f4a_7c15
            digest ^= digest >> 29
        }
        return digest
    }

    private func forEachEntry(_ table: borrowing PageTable, _ body: (Page, PageEntry) -> Void) {
        var page = AddressSpace.everything.start
        while let piece = table.nextLeaf(from: page, before: AddressSpace.everything.end) {
            for offset in 0..<piece.count where !piece[offset].isNone {
                body(piece.start + UInt64(offset), piece[offset])
            }
            page = piece.start + UInt64(piece.count)
        }
    }
}
