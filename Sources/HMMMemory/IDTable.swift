/// Objects by their number, in ascending order. Numbers are given out once, so a new object always goes to the end and
/// a number that was never followed by a removal below it is found at once.
///
/// An object lies in one slot as long as it is there: a removal moves eight bytes for each that follows, however large
/// they are.
public struct IDTable<ID: Identifier, Value: ~Copyable>: ~Copyable {
    @usableFromInline var places: [TablePlace<ID>] = []
    @usableFromInline var values: UnsafeMutablePointer<Value>
    /// Slots whose objects have gone, the next to be used again last.
    private var emptied: [UInt32] = []
    private var capacity: Int
    private var nextRaw: UInt32 = 1

    public init() {
        capacity = 4
        values = .allocate(capacity: capacity)
    }

    deinit {
        for place in places { (values + Int(place.slot)).deinitialize(count: 1) }
        values.deallocate()
    }

    @inlinable public var count: Int { places.count }
    @inlinable public var isEmpty: Bool { places.isEmpty }

    /// The number the next object will have.
    public var nextID: ID { ID(rawValue: nextRaw) }

    /// Few numbers are left: nothing more is to be added. The last ones are kept for what is under way.
    public var hasRunOut: Bool { nextRaw > .max - (1 << 20) }

    /// Goes on with number `next`, as if all before it had been used.
    package mutating func skip(to next: UInt32) { nextRaw = max(nextRaw, next) }

    /// Adds an object under `nextID`.
    @discardableResult
    public mutating func append(_ value: consuming Value) -> ID {
        let id = nextID
        append(value, id: id)
        return id
    }

    /// Adds an object under a number above every earlier one.
    public mutating func append(_ value: consuming Value, id: ID) {
        if places.count == capacity { grow() }
        let slot = emptied.popLast() ?? UInt32(places.count)
        (values + Int(slot)).initialize(to: value)
        places.append(TablePlace(id: id, slot: slot))
        nextRaw = id.rawValue &+ 1
    }

    /// Every slot is taken.
    private mutating func grow() {
        let larger = UnsafeMutablePointer<Value>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: values, count: capacity)
        values.deallocate()
        values = larger
        capacity *= 2
    }

    /// Takes an object out.
    public mutating func remove(_ id: ID) -> Value? {
        guard let index = index(of: id) else { return nil }
        let slot = places.remove(at: index).slot
        emptied.append(slot)
        return (values + Int(slot)).move()
    }

    /// Takes out those of the objects numbered `ids`, in ascending order, that are there. One by one, each would move
    /// all that follow.
    public mutating func remove(ascending ids: [ID]) {
        guard ids.count > 1 else {
            if let id = ids.first { _ = remove(id) }
            return
        }
        var next = 0
        places.removeAll { place in
            while next < ids.count, ids[next].rawValue < place.id.rawValue { next += 1 }
            guard next < ids.count, ids[next].rawValue == place.id.rawValue else { return false }
            emptied.append(place.slot)
            (values + Int(place.slot)).deinitialize(count: 1)
            return true
        }
    }

    /// Where the object numbered `id` stands now; valid until the next removal.
    @inlinable @inline(__always)
    public func index(of id: ID) -> Int? {
        // Without gaps, which is how numbers lie as long as the oldest objects go first, it is found at once.
        guard let first = places.first else { return nil }
        let guess = Int(id.rawValue) - Int(first.id.rawValue)
        if guess >= 0, guess < places.count, places[guess].id.rawValue == id.rawValue { return guess }
        return search(id.rawValue)
    }

    @inlinable @inline(never)
    func search(_ raw: UInt32) -> Int? {
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle].id.rawValue < raw { low = middle + 1 } else { high = middle }
        }
        return low < places.count && places[low].id.rawValue == raw ? low : nil
    }

    @inlinable @inline(__always) public func contains(_ id: ID) -> Bool { index(of: id) != nil }
    @inlinable public func id(at index: Int) -> ID { places[index].id }

    /// The object at a position found by `index(of:)`.
    @inlinable @inline(__always)
    public subscript(index: Int) -> Value {
        _read { yield values[Int(places[index].slot)] }
        _modify { yield &values[Int(places[index].slot)] }
    }
}

/// Where in a table the object of a number lies.
@usableFromInline
struct TablePlace<ID: Identifier> {
    @usableFromInline let id: ID
    @usableFromInline let slot: UInt32
}
