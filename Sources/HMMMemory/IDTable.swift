/// Objects by their number, in ascending order. Numbers are given out once, so a new object always goes to the end and
/// a number that was never followed by a removal below it is found at once.
public struct IDTable<ID: Identifier, Value: ~Copyable>: ~Copyable {
    @usableFromInline var ids: [ID] = []
    @usableFromInline var values: UnsafeMutablePointer<Value>
    private var capacity: Int
    private var nextRaw: UInt32 = 1

    public init() {
        capacity = 4
        values = .allocate(capacity: capacity)
    }

    deinit {
        values.deinitialize(count: ids.count)
        values.deallocate()
    }

    @inlinable public var count: Int { ids.count }
    @inlinable public var isEmpty: Bool { ids.isEmpty }

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
        if ids.count == capacity { grow() }
        (values + ids.count).initialize(to: value)
        ids.append(id)
        nextRaw = id.rawValue &+ 1
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Value>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: values, count: ids.count)
        values.deallocate()
        values = larger
        capacity *= 2
    }

    /// Takes an object out.
    public mutating func remove(_ id: ID) -> Value? {
        guard let index = index(of: id) else { return nil }
        let value = (values + index).move()
        ids.remove(at: index)
        (values + index).moveInitialize(from: values + index + 1, count: ids.count - index)
        return value
    }

    /// Where the object numbered `id` stands now; valid until the next removal.
    @inlinable @inline(__always)
    public func index(of id: ID) -> Int? {
        // Without gaps, which is how numbers lie as long as the oldest objects go first, it is found at once.
        guard let first = ids.first else { return nil }
        let guess = Int(id.rawValue) - Int(first.rawValue)
        if guess >= 0, guess < ids.count, ids[guess].rawValue == id.rawValue { return guess }
        return search(id.rawValue)
    }

    @inlinable @inline(never)
    func search(_ raw: UInt32) -> Int? {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle].rawValue < raw { low = middle + 1 } else { high = middle }
        }
        return low < ids.count && ids[low].rawValue == raw ? low : nil
    }

    @inlinable @inline(__always) public func contains(_ id: ID) -> Bool { index(of: id) != nil }
    @inlinable public func id(at index: Int) -> ID { ids[index] }

    /// The object at a position found by `index(of:)`.
    @inlinable @inline(__always)
    public subscript(index: Int) -> Value {
        _read {
            precondition(index < ids.count)
            yield values[index]
        }
        _modify {
            precondition(index < ids.count)
            yield &values[index]
        }
    }
}
