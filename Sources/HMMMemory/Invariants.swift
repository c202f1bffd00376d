/// A check of the whole state, for tests and for an operator in doubt. It reads everything, table by table, and nobody
/// may change anything before it is done.
public struct StateCheck: SteppedWork {
    /// What is wrong with the state, the first of it; empty when all is well.
    public private(set) var found: [String] = []
    /// How much is wrong.
    public private(set) var violations: UInt64 = 0
    private static let mostShown = 100

    private var phase = Phase.spaces
    /// What of the phase is at work: a space, a file, a pin, a mirror, a section of frames; and how far that has come.
    private var position = 0
    private var page = Page(number: 0)
    /// Pages of it that have a frame.
    private var present: UInt64 = 0
    /// Links of reverse maps that have been looked at for it.
    private var looked: UInt64 = 0
    /// Where the last of them was.
    private var linkPosition = 0
    /// No more of them before others have their turn: of one page there may be as many.
    private static let mostLooked: UInt64 = 65536
    private var isQuiet = true
    private var uses = FrameUses()
    /// The sections that have been seen, in ascending order, and their frames that someone uses.
    private var sections: [UInt64] = []
    private var known: UInt64 = 0

    private enum Phase: Equatable { case spaces, files, pins, mirrors, frames, done }

    public init() {}

    public mutating func step(_ machine: inout Machine) -> Step {
        while phase != .done {
            if machine.isSliceSpent { return .more }
            machine.spend(goOn(machine))
        }
        return .done
    }

    /// Checks the next table, or whatever is next; returns what that has cost.
    fileprivate mutating func goOn(_ machine: borrowing Machine) -> UInt64 {
        switch phase {
        case .spaces where position < machine.spaces.count: return checkSpace(machine)
        case .files where position < machine.files.count: return checkFile(machine)
        case .pins where position < machine.pins.count:
            let frames = machine.pins[position].frames
            for frame in frames { uses.change(frame) { $0.held += 1 } }
            position += 1
            return UInt64(frames.count + 1) * 2 * Slice.entry
        case .mirrors where position < machine.mirrors.count: return checkMirror(machine)
        case .frames where position < sections.count: return checkSection(machine)
        case .spaces: return next(.files)
        case .files: return next(.pins)
        case .pins: return next(.mirrors)
        case .mirrors:
            sections = uses.sections
            return next(.frames)
        case .frames:
            checkTotals(machine)
            return next(.done)
        case .done: return 0
        }
    }

    fileprivate var isDone: Bool { phase == .done }

    private mutating func next(_ next: Phase) -> UInt64 {
        phase = next
        position = 0
        page = Page(number: 0)
        return Slice.entry
    }

    /// The next table from `page` on; nil, and on to whatever is next, when there is none.
    private mutating func nextTable(_ table: borrowing PageTable) -> PageTable.LeafPiece? {
        guard let piece = table.nextLeaf(from: page, before: AddressSpace.highest) else {
            position += 1
            page = Page(number: 0)
            present = 0
            return nil
        }
        page = piece.start + UInt64(piece.count)
        return piece
    }

    private mutating func add(_ violation: @autoclosure () -> String) {
        violations += 1
        if found.count < Self.mostShown { found.append(violation()) }
    }

    // MARK: Address spaces

    private mutating func checkSpace(_ machine: borrowing Machine) -> UInt64 {
        let index = position
        if page.number == 0 { begin(machine, index) }
        let resident = present
        guard let piece = nextTable(machine.spaces[index].table) else {
            if resident != machine.spaces[index].resident {
                add(
                    "mm \(machine.spaces.id(at: index).rawValue): \(resident) resident pages, "
                        + "not \(machine.spaces[index].resident)")
            }
            return Slice.entry
        }
        var count: UInt64 = 0
        looked = 0
        for offset in 0..<piece.count where !piece[offset].isNone {
            count += 1
            check(piece[offset], piece.start + UInt64(offset), machine, index)
            guard looked < Self.mostLooked else {
                page = piece.start + UInt64(offset + 1)
                break
            }
        }
        return (512 + 8 * count + looked) * Slice.entry
    }

    private mutating func begin(_ machine: borrowing Machine, _ index: Int) {
        let isQuiet = machine.spaces[index].activeInvalidations == 0
        if !isQuiet { self.isQuiet = false }
        if isQuiet, machine.spaces[index].sequence & 1 == 1 {
            add("mm \(machine.spaces.id(at: index).rawValue): odd sequence without an invalidation")
        }
        var end = Page(number: 0)
        for area in machine.spaces[index].areas.areas {
            if area.range.isEmpty || area.range.start < end {
                add("areas overlap at \(area.range.start.address)")
            }
            end = area.range.end
            if (area.object == 0) != (area.lineage == 0) { add("an area with half an anonymous object") }
        }
    }

    private mutating func check(_ entry: PageEntry, _ page: Page, _ machine: borrowing Machine, _ index: Int) {
        let id = machine.spaces.id(at: index)
        guard let area = machine.spaces[index].areas.area(at: page) else {
            return add("mm \(id.rawValue): an entry outside every area at \(page.address)")
        }
        if entry.isHuge, !area.range.contains(Page(number: page.number | 511)) {
            add("mm \(id.rawValue): a huge mapping beyond its area at \(page.address)")
        }
        if entry.isWritable, !area.isWritable, !entry.isReserved {
            add("mm \(id.rawValue): a writable entry in a read-only area at \(page.address)")
        }
        if entry.hasFrame { count(entry, Place(space: id, page: page), area, machine) }
    }

    /// Books what an entry uses.
    private mutating func count(_ entry: PageEntry, _ place: Place, _ area: Area, _ machine: borrowing Machine) {
        guard machine.physical.exists(entry.frame) else {
            return add("an entry without memory at \(place.page.address)")
        }
        if entry.isReserved { return uses.change(entry.frame) { $0.held += 1 } }
        present += 1
        let frame = machine.physical.frame(entry.frame).pointee
        if entry.kind == .migrating, !frame.isLocked {
            add("a migrating entry outside a migration at \(place.page.address)")
        }
        let isWritten = entry.isWritable && frame.isAnonymous
        let isExclusive = entry.kind == .exclusive
        uses.change(entry.frame) {
            if isExclusive { $0.held += 1 } else { $0.mapped += 1 }
            if isWritten { $0.written += 1 }
        }
        switch entry.kind {
        case .system, .coherent, .devicePrivate:
            if machine.kind(of: entry.frame) != entry.kind { add("entry and frame disagree at \(place.page.address)") }
        case .exclusive, .migrating, .none, .zero: break
        }
        if isWritten, !frame.isExclusivelyOwned { add("a writable entry of shared memory at \(place.page.address)") }
        guard frame.object != 0 else { return }
        let link = machine.link(area, place.space)
        if let position = machine.reverseMap(of: entry.frame)?.position(of: link, near: linkPosition, &looked) {
            linkPosition = position
        } else {
            add("frame \(entry.frame.number) does not know its mapping at \(place.page.address)")
        }
        if frame.index != area.offset(of: place.page) {
            add("frame \(entry.frame.number) has another offset than its mapping")
        }
    }

    // MARK: Files and mirrors

    private mutating func checkFile(_ machine: borrowing Machine) -> UInt64 {
        let index = position
        let count = present
        guard let piece = nextTable(machine.files[index].pages) else {
            if count != machine.files[index].present {
                add("file \(machine.files.id(at: index).rawValue): wrong count of pages")
            }
            return Slice.entry
        }
        for offset in 0..<piece.count where !piece[offset].isNone {
            present += 1
            uses.change(piece[offset].frame) { $0.held += 1 }
            if piece.start.number + UInt64(offset) >= machine.files[index].pageCount {
                add("a page of a file past its end")
            }
        }
        return 1024 * Slice.entry
    }

    private mutating func checkMirror(_ machine: borrowing Machine) -> UInt64 {
        let index = position
        let id = machine.mirrors.id(at: index).rawValue
        if page.number == 0, machine.mirrors[index].sequence & 1 == 0 { add("mirror \(id): an even sequence") }
        guard let piece = nextTable(machine.mirrors[index].table) else { return Slice.entry }
        guard let space = machine.spaces.index(of: machine.mirrors[index].space) else { return Slice.entry }
        let isQuiet = machine.spaces[space].activeInvalidations == 0
        for offset in 0..<piece.count where !piece[offset].isNone {
            let page = piece.start + UInt64(offset)
            let entry = piece[offset]
            if !machine.mirrors[index].range.contains(page) { add("mirror \(id): an entry outside its range") }
            let actual = machine.spaces[space].table[page]
            let agrees =
                actual.kind == entry.kind && actual.hasFrame == entry.hasFrame
                && (!entry.hasFrame || actual.frame == entry.frame) && (actual.isWritable || !entry.isWritable)
            if isQuiet, !agrees { add("mirror \(id): a stale translation of \(page.address)") }
        }
        return 1024 * Slice.entry
    }

    // MARK: Frames

    private mutating func checkSection(_ machine: borrowing Machine) -> UInt64 {
        let section = sections[position]
        position += 1
        for slot in 0..<512 {
            let use = uses[section, slot]
            guard use.mapped > 0 || use.held > 0 else { continue }
            known += 1
            check(FrameNumber(number: section << 9 | UInt64(slot)), use, machine)
        }
        return 1024 * Slice.entry
    }

    private mutating func check(_ number: FrameNumber, _ use: FrameUses.Use, _ machine: borrowing Machine) {
        guard machine.physical.exists(number) else { return add("frame \(number.number): in use and not there") }
        let frame = machine.physical.frame(number).pointee
        if frame.mappings != use.mapped || (isQuiet && frame.references != use.mapped + use.held) {
            add("frame \(number.number): wrong counts")
        }
        if frame.isExclusivelyOwned, use.mapped > 1 { add("frame \(number.number): owned by one, mapped by more") }
        if use.mapped > 0, !frame.isAnonymous, let file = machine.files.index(of: FileID(rawValue: frame.object)),
            machine.filePage(file, frame.index) != number
        {
            add("frame \(number.number): mapped as a page of a file that has another there")
        }
        if use.written > 1 { add("frame \(number.number): two may write it") }
    }

    private mutating func checkTotals(_ machine: borrowing Machine) {
        var regionFrames: UInt64 = 0
        for index in 0..<machine.regions.count { regionFrames += machine.regions[index].used }
        if machine.system.used + regionFrames != machine.physical.used {
            add("zones and total disagree on frames in use")
        }
        let (known, used) = (known, machine.physical.used)
        if isQuiet, known + machine.stagedFrames != used { add("\(used) frames in use, \(known) known") }
    }
}

/// Who uses which frame, as far as has been seen: in pieces of 512, so that it grows in small steps.
private struct FrameUses: Equatable, Sendable {
    struct Use: Equatable, Sendable {
        var mapped: UInt32 = 0
        /// Mappings that permit writing.
        var written: UInt32 = 0
        /// Exclusive entries, files, pins, places reserved.
        var held: UInt32 = 0
    }

    private var uses: [UInt64: [Use]] = [:]

    var sections: [UInt64] { uses.keys.sorted() }

    subscript(section: UInt64, slot: Int) -> Use { uses[section].map { $0[slot] } ?? Use() }

    @inline(__always)
    mutating func change(_ frame: FrameNumber, _ body: (inout Use) -> Void) {
        body(&uses[frame.number >> 9, default: Array(repeating: Use(), count: 512)][Int(frame.number & 511)])
    }
}

extension Machine {
    /// What is wrong with the state; empty when all is well.
    public func violations() -> [String] {
        var check = StateCheck()
        while !check.isDone { _ = check.goOn(self) }
        return check.found
    }
}
