/// A page of an address space.
public struct Place: Equatable, Sendable {
    public let space: SpaceID
    public let page: Page
}

/// How a frame leaves every address space that maps it. Kernel: try_to_migrate() and remove_migration_ptes().
extension Machine {
    /// The next place to tell that `frame` is about to go; nil when all that map it have been told. `taken` is the
    /// place whose own announcement covers it. Who might map it and does not is told too, as long as it is mapped: the
    /// kernel does not know better.
    func nextToTell(_ frame: FrameNumber, taken: Place?, told: [Place]) -> Place? {
        var left = Int(physical.frame(frame).pointee.mappings) - (taken == nil ? 0 : 1)
        guard left > 0 else { return nil }
        var next: Place?
        forEachPlace(of: frame) { space, page in
            let place = Place(space: space, page: page)
            guard told.contains(place) else {
                next = place
                return false
            }
            if place != taken, maps(space, page, frame) { left -= 1 }
            return left > 0
        }
        return next
    }

    /// References to a frame that are neither mappings nor its file's: someone uses it. Kernel: the count that
    /// migrate_vma_check_page() does not expect.
    func isUsedOtherwise(_ frame: FrameNumber) -> Bool {
        let metadata = physical.frame(frame).pointee
        let file: UInt32 = !metadata.isAnonymous && metadata.object != 0 ? 1 : 0
        return metadata.isStuck || metadata.references > metadata.mappings + file
    }

    /// Copies `old` to `new`, which has one reference, and maps that wherever the old one was mapped.
    /// `here` is a place that maps it, if one is known: most memory is mapped nowhere else.
    mutating func replaceEverywhere(_ old: FrameNumber, by new: FrameNumber, here: Place? = nil) {
        physical.bytes(new).copyMemory(from: physical.bytes(old), byteCount: PageSize.bytes)
        physical.frame(new).pointee.adopt(physical.frame(old).pointee)
        let kind = kind(of: new)
        if let here, physical.frame(old).pointee.references == 1 {
            replace(old, by: new, kind, at: here)
        } else {
            for place in places(of: old) { replace(old, by: new, kind, at: place) }
        }
        release(new)
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

    /// Every place that maps `frame`.
    func places(of frame: FrameNumber) -> [Place] {
        var found: [Place] = []
        forEachPlace(of: frame) { space, page in
            if maps(space, page, frame) { found.append(Place(space: space, page: page)) }
            return true
        }
        return found
    }

    /// What announces that `frame` leaves `place`.
    func farewell(_ place: Place) -> Invalidation { Invalidation(place.space, PageRange(place.page), .clear) }
}
