/// Pages with nothing behind them move to a device, too: they get zeroed frames there.
/// Kernel: migrate_vma_insert_page().
extension Machine {
    /// Takes device frames for pages with nothing behind them and leaves those on the way there, until the slice is
    /// spent. Returns where it stopped.
    mutating func reserveHoles(
        _ index: Int, _ holes: PageRange, _ movement: Movement, _ runs: inout [Migration.Run],
        _ firstHole: inout Page?
    ) -> Page {
        guard case .device(let device) = movement.destination else {
            runs.record(holes.start, holes.count, .stayed(.empty))
            return holes.end
        }
        var page = holes.start
        // One at least, so that every slice gets on.
        while page < holes.end, page == holes.start || !isSliceSpent {
            let failing = takeInjectedFailures(device, atMost: holes.end - page)
            guard failing == 0 else {
                runs.record(page, failing, .stayed(.noSpace))
                page = page + failing
                continue
            }
            // Nothing comes free meanwhile: what is left of the holes stays, however much it is.
            guard spaces[index].table.hasRoom(for: page), let frame = allocate(on: device) else {
                runs.record(page, holes.end - page, .stayed(.noSpace))
                return holes.end
            }
            let wasZero = spaces[index].table[page].kind == .zero
            spaces[index].table.set(page, .reserved(frame, fromZero: wasZero))
            update(index, movement.exempt, page, .none)
            if firstHole == nil { firstHole = page }
            runs.record(page, 1, .moved, frame)
            page = page + 1
        }
        return page
    }

    /// Fills the pages on their way with zeroes and maps them, until the slice is spent. Returns where it stopped.
    mutating func fillHoles(_ index: Int, _ holes: PageRange, _ movement: Movement) -> Page {
        prepareObject(index, holes.start)
        guard let area = spaces[index].areas.area(at: holes.start) else { return holes.end }
        return forEachReserved(index, holes) { machine, page, entry in
            machine.spend(Slice.page)
            machine.physical.bytes(entry.frame).initializeMemory(
                as: UInt8.self, repeating: 0, count: PageSize.bytes)
            machine.makeAnonymous(entry.frame, area, page)
            if let runner = movement.exempt.first { machine.physical.frame(entry.frame).pointee.allocator = runner }
            machine.map(entry.frame)
            let filled = PageEntry(machine.kind(of: entry.frame), entry.frame, writable: area.isWritable)
            machine.spaces[index].table.set(page, filled)
            machine.spaces[index].resident += 1
            machine.update(index, movement.exempt, page, filled)
        }
    }

    /// Makes the pages on their way what they were.
    mutating func takeBackHoles(_ index: Int, _ holes: PageRange) {
        let end = sliceEnd
        defer { sliceEnd = end }
        sliceEnd = .max
        _ = forEachReserved(index, holes) { machine, page, entry in
            machine.spaces[index].table.set(page, entry.wasZero ? .zero : .none)
            machine.release(entry.frame)
        }
    }

    private mutating func forEachReserved(
        _ index: Int, _ range: PageRange, _ body: (inout Machine, Page, PageEntry) -> Void
    ) -> Page {
        var page = range.start
        while let piece = spaces[index].table.nextLeaf(from: page, before: range.end) {
            page = piece.start
            let end = piece.start + UInt64(piece.count)
            while page < end {
                if isSliceSpent { return page }
                spend(Slice.entry)
                let entry = spaces[index].table[page]
                if entry.kind == .migrating, entry.isReserved { body(&self, page, entry) }
                page = page + 1
            }
        }
        return range.end
    }
}
