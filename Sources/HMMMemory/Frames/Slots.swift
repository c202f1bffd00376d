/// Values at numbers from 1 that are used again once free.
struct Slots<Value>: Sendable where Value: Sendable {
    private var values: [Value?] = []
    private var free: [UInt32] = []
    /// How many values have been taken out.
    private(set) var removals: UInt64 = 0

    var count: Int { values.count - free.count }

    mutating func insert(_ value: Value) -> UInt32 {
        if let number = free.popLast() {
            values[Int(number) - 1] = value
            return number
        }
        values.append(value)
        return UInt32(values.count)
    }

    mutating func remove(_ number: UInt32) {
        values[Int(number) - 1] = nil
        free.append(number)
        removals += 1
    }

    /// The number is in use; 0 never is.
    func contains(_ number: UInt32) -> Bool {
        number != 0 && Int(number) <= values.count && values[Int(number) - 1] != nil
    }

    /// The value at a number in use.
    subscript(number: UInt32) -> Value {
        _read {
            guard let value = values[Int(number) - 1] else { preconditionFailure("a free slot") }
            yield value
        }
        _modify {
            var value = values[Int(number) - 1].take().unsafelyUnwrapped
            defer { values[Int(number) - 1] = value }
            yield &value
        }
    }
}
