/// Goes through those who may map some pages of an object, one after the other, while others come and go: who comes
/// meanwhile is met too, and nobody twice. Kernel: rmap_walk().
struct LinkWalk: Equatable, Sendable {
    /// Whom it has met.
    private(set) var met: [Hold] = []
    /// Links before it have been met, or show nothing of the pages.
    private var position = 0
    /// The state of the map that the positions are of, and the offsets.
    private var state: State?
    /// Whom it had met when the map changed; until then the position says it.
    private var known: Set<Hold> = []
    /// A link not yet met that has been found to satisfy.
    private var witness = 0

    /// Which map it is, in which state: a frame may have become one of another object meanwhile.
    private struct State: Equatable {
        let owner: ReverseMap.Owner
        let version: UInt64
        let start: UInt64
        let end: UInt64
    }

    /// The next part that shows offsets from `start` up to `end`, as long as one is left that satisfies: all that come
    /// before that one are met, too. Counts what it looks at in `spent`.
    mutating func next(
        _ map: borrowing ReverseMap, of owner: ReverseMap.Owner, _ start: UInt64, _ end: UInt64,
        _ spent: inout UInt64,
        while satisfies: (Hold) -> Bool = { _ in true }
    ) -> Hold? {
        let now = State(owner: owner, version: map.version, start: start, end: end)
        if state != now {
            position = map.firstPosition(showing: start)
            witness = position
            known = Set(met)
            state = now
            spent += UInt64(met.count)
        }
        guard let (first, part) = find(map, from: position, start, end, &spent, { _ in true }) else {
            // Asked again it looks at nothing, so that whoever asks gets on in the smallest slice.
            position = map.links.count
            return nil
        }
        position = first
        var found = find(map, from: max(witness, position), start, end, &spent, satisfies)
        // It may be another by now.
        if found == nil, witness > position { found = find(map, from: position, start, end, &spent, satisfies) }
        guard let found else { return nil }
        witness = found.position
        position += 1
        met.append(part)
        return part
    }

    private func find(
        _ map: borrowing ReverseMap, from first: Int, _ start: UInt64, _ end: UInt64, _ spent: inout UInt64,
        _ satisfies: (Hold) -> Bool
    ) -> (position: Int, part: Hold)? {
        var position = first
        while position < map.links.count, map.links[position].start < end {
            spent += Slice.entry
            if let part = ReverseMap.part(map.links[position], start, end), known.isEmpty || !known.contains(part),
                satisfies(part)
            {
                return (position, part)
            }
            position += 1
        }
        return nil
    }
}
