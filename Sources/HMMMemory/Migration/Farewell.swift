/// A page of an address space.
public struct Place: Equatable, Sendable {
    public let space: SpaceID
    public let page: Page
}

/// Tells all who map a page frame, or some of a huge page, that it is about to go from there. Who might map it and does
/// not is told too, as long as one is left who does: the kernel does not know better.
struct Farewell: Equatable, Sendable {
    /// Most pages are mapped by nobody else, and need none.
    private var list: List?

    /// One for all copies of the work, which are never taken further than one at a time: whom it has told may be many.
    ///
    /// Unchecked: it belongs to its tenant's machine, like the places it names.
    private final class List: Equatable, @unchecked Sendable {
        var walk = LinkWalk()

        static func == (a: List, b: List) -> Bool { a === b }
    }

    /// Who has been told.
    var parts: [Hold] { list?.walk.met ?? [] }
    var places: [Place] { parts.map { Place(space: $0.space, page: $0.range.start) } }

    /// All of it is over; what comes next is about another frame.
    mutating func end() { if list != nil { list = nil } }

    /// The next place to tell that `frame` is about to go; nil when all that map it have been told. `taken` is the
    /// place whose own announcement covers it.
    mutating func next(_ frame: FrameNumber, taken: Place?, _ machine: inout Machine) -> Place? {
        guard machine.physical.frame(frame).pointee.mappings > (taken == nil ? 0 : 1) else { return nil }
        let part = next(frame, 1, &machine) { machine, part in
            machine.counts(part.space, part.range.start, frame)
                && taken != Place(space: part.space, page: part.range.start)
        }
        return part.map { Place(space: $0.space, page: $0.range.start) }
    }

    /// The next part of an area to tell that the huge page of `head` is about to go from it; nil when all that map some
    /// of it have been told.
    mutating func nextPart(_ head: FrameNumber, _ machine: inout Machine) -> Hold? {
        guard machine.physical.frame(head).pointee.isAnonymous,
            (0..<512).contains(where: { machine.physical.frame(head.advanced($0)).pointee.mappings > 0 })
        else { return nil }
        return next(head, 512, &machine) { machine, part in
            machine.spend(part.range.count * Slice.entry)
            return machine.showsSome(part, head)
        }
    }

    private mutating func next(
        _ first: FrameNumber, _ count: UInt64, _ machine: inout Machine,
        _ maps: (inout Machine, Hold) -> Bool
    ) -> Hold? {
        let frame = machine.physical.frame(first).pointee
        let start = frame.index
        let owner = ReverseMap.Owner(
            object: frame.object, isAnonymous: frame.isAnonymous, removals: machine.anonymousObjects.removals)
        guard let map = machine.reverseMap(of: first) else { return nil }
        if list == nil { list = List() }
        var spent: UInt64 = 0
        let part = list?.walk.next(map, of: owner, start, start + count, &spent) { maps(&machine, $0) }
        machine.spend(spent)
        return part
    }
}

/// How a frame leaves every address space that maps it. Kernel: try_to_migrate() and remove_migration_ptes().
extension Machine {
    /// The entry of a page is one of the frame's mappings.
    func counts(_ space: SpaceID, _ page: Page, _ frame: FrameNumber) -> Bool {
        guard let index = spaces.index(of: space) else { return false }
        let entry = spaces[index].table[page]
        return entry.hasFrame && entry.frame == frame && entry.kind != .exclusive && !entry.isReserved
    }

    /// References to a frame that are neither mappings nor its file's: someone uses it. Kernel: the count that
    /// migrate_vma_check_page() does not expect.
    func isUsedOtherwise(_ frame: FrameNumber) -> Bool {
        let metadata = physical.frame(frame).pointee
        let file: UInt32 = !metadata.isAnonymous && metadata.object != 0 ? 1 : 0
        return metadata.isStuck || metadata.references > metadata.mappings + file
    }

    /// Copies `old` to `new`, which has one reference, and maps that wherever the old one was mapped; a file has it in
    /// the place of the old one, too. Kernel: move_to_new_folio().
    /// `here` is a place that maps it, if one is known: most memory is mapped nowhere else.
    mutating func replaceEverywhere(_ old: FrameNumber, by new: FrameNumber, here: Place? = nil) {
        physical.bytes(new).copyMemory(from: physical.bytes(old), byteCount: PageSize.bytes)
        physical.frame(new).pointee.adopt(physical.frame(old).pointee)
        let kind = kind(of: new)
        if let here, physical.frame(old).pointee.references == 1 {
            replace(old, by: new, kind, at: here)
        } else {
            for place in places(of: old) {
                spend(8 * Slice.entry)
                replace(old, by: new, kind, at: place)
            }
            replaceInFile(old, by: new)
        }
        release(new)
    }

    private mutating func replaceInFile(_ old: FrameNumber, by new: FrameNumber) {
        let metadata = physical.frame(new).pointee
        guard !metadata.isAnonymous, let file = files.index(of: FileID(rawValue: metadata.object)),
            filePage(file, metadata.index) == old
        else { return }
        retain(new)
        files[file].pages.set(Page(number: metadata.index), PageEntry(.system, new, writable: true))
        release(old)
    }

    private mutating func replace(
        _ old: FrameNumber, by new: FrameNumber, _ kind: PageEntry.Kind, at place: Place
    ) {
        guard let index = spaces.index(of: place.space) else { return }
        let entry = spaces[index].table[place.page]
        retain(new)
        map(new)
        spaces[index].table.set(place.page, PageEntry(kind, new, writable: entry.isWritable))
        unmap(old)
    }

    /// Every place that maps `frame`. Those that might and do not are work as well.
    mutating func places(of frame: FrameNumber) -> [Place] {
        var found: [Place] = []
        let looked = forEachPlace(of: frame) { space, page in
            if maps(space, page, frame) { found.append(Place(space: space, page: page)) }
            return true
        }
        spend(UInt64(looked) * Slice.entry)
        return found
    }

    /// What announces that `frame` leaves `place`.
    func farewell(_ place: Place) -> Invalidation { Invalidation(place.space, PageRange(place.page), .clear) }
}
