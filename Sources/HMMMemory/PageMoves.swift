/// How a `Migration` moves pages once their mirrors have let go. Kernel: the collect, unmap, copy and finalize steps.
extension Machine {
    /// Moves what the part of an area holds. Returns the first hole that will be filled on the device, if any; holes
    /// wait as `migrating` entries for an announcement of their own.
    mutating func move(
        _ index: Int, _ part: PageRange, _ context: Migration.Context, _ runs: inout [Migration.Run]
    ) -> Page? {
        var firstHole: Page?
        var page = part.start
        while let piece = nextPopulated(index, from: page, before: part.end) {
            reserveHoles(index, PageRange(page, piece.start), context, &runs, &firstHole)
            page = piece.start
            while page < piece.end {
                moveOne(index, page, context, &runs, &firstHole)
                page = page + 1
            }
        }
        reserveHoles(index, PageRange(page, part.end), context, &runs, &firstHole)
        return firstHole
    }

    private func nextPopulated(_ index: Int, from page: Page, before end: Page) -> PageRange? {
        guard let piece = spaces[index].table.nextLeaf(from: page, before: end) else { return nil }
        return PageRange(piece.start, piece.start + UInt64(piece.count))
    }

    private mutating func moveOne(
        _ index: Int, _ page: Page, _ context: Migration.Context, _ runs: inout [Migration.Run],
        _ firstHole: inout Page?
    ) {
        let entry = spaces[index].table[page]
        switch context.destination {
        case .device(let device):
            switch entry.kind {
            case .none, .zero: reserveHoles(index, PageRange(page), context, &runs, &firstHole)
            case .system:
                let frame = moveToDevice(index, page, entry, device, context)
                runs.record(page, 1, frame == nil ? .stayed(.noSpace) : .moved, frame)
            case .devicePrivate:
                let isThere = self.device(of: entry.frame) == device
                runs.record(page, 1, .stayed(isThere ? .alreadyThere : .otherDevice))
            case .migrating: runs.record(page, 1, .stayed(.otherDevice))
            }
        case .system(let source):
            runs.record(page, 1, moveBack(index, page, entry, source, context), movedFrame(index, page, entry))
        }
    }

    /// The frame a page has been moved to, given its entry before.
    private func movedFrame(_ index: Int, _ page: Page, _ before: PageEntry) -> FrameNumber? {
        let entry = spaces[index].table[page]
        return entry == before ? nil : entry.frame
    }

    private mutating func moveBack(
        _ index: Int, _ page: Page, _ entry: PageEntry, _ source: DeviceID?, _ context: Migration.Context
    ) -> Migration.Outcome {
        switch entry.kind {
        case .none, .zero, .migrating: return .stayed(.empty)
        case .system: return .stayed(.inSystemMemory)
        case .devicePrivate:
            if let source, device(of: entry.frame) != source { return .stayed(.otherDevice) }
            guard moveToSystem(index, context.space, page, entry) else { return .stayed(.noSpace) }
            update(context.exempt, page, .none)
            return .moved
        }
    }

    private mutating func moveToDevice(
        _ index: Int, _ page: Page, _ entry: PageEntry, _ device: DeviceID, _ context: Migration.Context
    ) -> FrameNumber? {
        guard let frame = allocate(on: device, replacing: true) else { return nil }
        physical.bytes(frame).copyMemory(from: physical.bytes(entry.frame), byteCount: PageSize.bytes)
        map(frame, context.space, page)
        let moved = PageEntry(.devicePrivate, frame, writable: entry.isWritable)
        spaces[index].table.set(page, moved)
        unmap(entry.frame)
        update(context.exempt, page, moved)
        return frame
    }

    /// Keeps the device tables of the mirrors whose driver runs the migration right: they are told nothing.
    private mutating func update(_ exempt: [MirrorID], _ page: Page, _ entry: PageEntry) {
        for id in exempt {
            guard let mirror = mirrors.index(of: id), mirrors[mirror].range.contains(page) else { continue }
            mirrors[mirror].table.set(page, entry)
        }
    }

    // MARK: Holes

    /// Takes device frames for pages with nothing behind them and leaves those on the way there.
    private mutating func reserveHoles(
        _ index: Int, _ holes: PageRange, _ context: Migration.Context, _ runs: inout [Migration.Run],
        _ firstHole: inout Page?
    ) {
        guard case .device(let device) = context.destination else {
            return runs.record(holes.start, holes.count, .stayed(.empty))
        }
        var page = holes.start
        while page < holes.end {
            // Nothing comes free meanwhile: what is left of the holes stays, however much it is.
            guard spaces[index].table.hasRoom(for: page), let frame = allocate(on: device) else {
                return runs.record(page, holes.end - page, .stayed(.noSpace))
            }
            let wasZero = spaces[index].table[page].kind == .zero
            spaces[index].table.set(page, .onTheWay(to: frame, fromZero: wasZero))
            if firstHole == nil { firstHole = page }
            runs.record(page, 1, .moved, frame)
            page = page + 1
        }
    }

    /// Fills the pages on their way with zeroes and maps them.
    mutating func fillHoles(_ index: Int, _ holes: PageRange, _ context: Migration.Context) {
        guard let area = spaces[index].areas.area(at: holes.start) else { return }
        forEachOnTheWay(index, holes) { machine, page, entry in
            machine.physical.bytes(entry.frame).initializeMemory(
                as: UInt8.self, repeating: 0, count: PageSize.bytes)
            machine.map(entry.frame, context.space, page)
            let filled = PageEntry(.devicePrivate, entry.frame, writable: area.protection.contains(.write))
            machine.spaces[index].table.set(page, filled)
            machine.spaces[index].resident += 1
            machine.update(context.exempt, page, filled)
        }
    }

    /// Makes the pages on their way what they were.
    mutating func takeBackHoles(_ index: Int, _ holes: PageRange) {
        forEachOnTheWay(index, holes) { machine, page, entry in
            machine.spaces[index].table.set(page, entry.wasZero ? .zero : .none)
            machine.release(entry.frame)
        }
    }

    private mutating func forEachOnTheWay(
        _ index: Int, _ range: PageRange, _ body: (inout Machine, Page, PageEntry) -> Void
    ) {
        var page = range.start
        while let piece = nextPopulated(index, from: page, before: range.end) {
            page = piece.start
            while page < piece.end {
                let entry = spaces[index].table[page]
                if entry.kind == .migrating { body(&self, page, entry) }
                page = page + 1
            }
        }
    }
}

extension PageEntry {
    /// A page whose device frame is reserved and not filled; the writable bit tells what it was before.
    @inline(__always)
    static func onTheWay(to frame: FrameNumber, fromZero: Bool) -> PageEntry {
        PageEntry(.migrating, frame, writable: fromZero)
    }

    @inline(__always) var wasZero: Bool { isWritable }
}
