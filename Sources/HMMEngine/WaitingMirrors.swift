internal import HMMMemory

/// The mirrors that a round waits for, in ascending order. They may be many thousands that let go one at a time: the
/// place of one is found by halving, and is kept when it has gone, until half of all are of such.
struct WaitingMirrors: Equatable {
    private struct Place {
        var entry: Round.Waiting
        var isEmpty = false
    }

    private var places: [Place] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    var entries: some BidirectionalCollection<Round.Waiting> { places.lazy.filter { !$0.isEmpty }.map(\.entry) }

    static func == (one: WaitingMirrors, other: WaitingMirrors) -> Bool { one.entries.elementsEqual(other.entries) }

    /// Its mirror comes after all that are there.
    mutating func append(_ entry: Round.Waiting) {
        places.append(Place(entry: entry))
        count += 1
    }

    /// A mirror has let go of what this event told of.
    mutating func remove(_ mirror: MirrorID, event: UInt64) {
        guard let position = position(of: mirror), places[position].entry.event == event else { return }
        empty(position)
        dropEmpty()
    }

    /// Mirrors have gone.
    mutating func remove(_ mirrors: [MirrorID]) {
        for mirror in mirrors { if let position = position(of: mirror) { empty(position) } }
        dropEmpty()
    }

    /// How many of these it waits for.
    func count(of mirrors: [MirrorID]) -> Int { mirrors.count { position(of: $0) != nil } }

    mutating func update(_ body: (inout Round.Waiting) -> Void) {
        for position in places.indices where !places[position].isEmpty { body(&places[position].entry) }
    }

    private func position(of mirror: MirrorID) -> Int? {
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle].entry.mirror < mirror { low = middle + 1 } else { high = middle }
        }
        return low < places.count && places[low].entry.mirror == mirror && !places[low].isEmpty ? low : nil
    }

    private mutating func empty(_ position: Int) {
        places[position].isEmpty = true
        count -= 1
    }

    private mutating func dropEmpty() { if count < places.count / 2 { places.removeAll(where: \.isEmpty) } }
}
