/// What waits in order: the first to come is the first to go.
struct Queue<Element> {
    /// What waits, behind places that have been emptied already.
    private(set) var places: [Element?] = []
    private var first = 0

    var isEmpty: Bool { first == places.count }
    var count: Int { places.count - first }

    mutating func append(_ element: Element) { places.append(element) }

    /// Emptied places are given back once they are the larger part: one that is never quite empty does not grow for
    /// ever, and each element is moved once at most.
    mutating func popFirst() -> Element? {
        guard first < places.count, let element = places[first].take() else { return nil }
        first += 1
        if isEmpty {
            removeAll()
        } else if first >= 16, first > count {
            places.removeSubrange(..<first)
            first = 0
        }
        return element
    }

    /// Room for a few stays, so that what comes and goes one by one is no work for the allocator.
    mutating func removeAll() {
        places.removeAll(keepingCapacity: places.capacity <= 4)
        first = 0
    }

    /// Those that wait, the first to go first.
    var waiting: [Element] { places[first...].compactMap(\.self) }
}
