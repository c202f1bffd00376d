/// Faults of pages that a file is behind. Kernel: do_read_fault(), do_cow_fault(), do_shared_fault().
extension Machine {
    mutating func populateFile(_ index: Int, _ page: Page, _ area: Area, _ need: FaultNeed) -> PageFaultOutcome {
        guard let id = area.file, let file = files.index(of: id) else { return .failed(.notMapped) }
        guard spaces[index].table.hasRoom(for: page) else { return .failed(.limit) }
        // Even where the page itself turns out to be none of the file's.
        if need != .write { mapAround(index, page, area, file) }
        guard spaces[index].table[page].isNone else { return .ready }
        let offset = area.offset(of: page)
        guard offset < files[file].pageCount else { return .failed(.beyondEnd) }
        guard let frame = obtainFilePage(file, offset) else { return .failed(.limit) }
        if need == .write, !area.isShared {
            return mapNew(index, page, copying: frame, writable: true) ? .ready : .failed(.limit)
        }
        mapFilePage(index, page, area, frame)
        return .ready
    }

    private mutating func mapFilePage(_ index: Int, _ page: Page, _ area: Area, _ frame: FrameNumber) {
        retain(frame)
        map(frame)
        spaces[index].table.set(page, PageEntry(.system, frame, writable: area.isShared && area.isWritable))
        spaces[index].resident += 1
    }

    /// Sixteen pages around `page`: from a multiple of sixteen on, or from the area's start where that is higher.
    func around(_ page: Page, _ area: Area) -> PageRange {
        let first = max(page.number & ~15, area.range.start.number)
        return PageRange(
            Page(number: first), Page(number: min(first + 16, page.endOfTable.number, area.range.end.number)))
    }

    /// Maps what the file has of the pages around `page`. Kernel: do_fault_around().
    private mutating func mapAround(_ index: Int, _ page: Page, _ area: Area, _ file: Int) {
        let pages = around(page, area)
        for number in pages.start.number..<pages.end.number {
            let page = Page(number: number)
            let offset = area.offset(of: page)
            guard offset < files[file].pageCount, spaces[index].table[page].isNone,
                let frame = filePage(file, offset)
            else { continue }
            mapFilePage(index, page, area, frame)
        }
    }
}
