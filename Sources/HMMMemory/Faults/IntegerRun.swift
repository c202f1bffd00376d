/// 32-bit integers in memory that go up or down by the same step.
public struct IntegerRun: Equatable, Sendable {
    /// Of the first of them: an address, or an offset in a file.
    public let start: UInt64
    public let first: Int64
    public private(set) var count: UInt64 = 1
    /// 0 when there is only one.
    public private(set) var step: Int64 = 0
    private var last: Int64

    init(_ value: Int32, at start: UInt64) {
        self.start = start
        first = Int64(value)
        last = first
    }

    /// Takes the integer behind the last one; false when it does not continue the run.
    mutating func take(_ value: Int32) -> Bool {
        let difference = Int64(value) - last
        if count == 1 { step = difference }
        guard difference == step else { return false }
        last = Int64(value)
        count += 1
        return true
    }
}

extension [IntegerRun] {
    /// Adds little-endian integers, which lie from `start` on: behind those that are in the last run.
    mutating func add(_ octets: UnsafeRawBufferPointer, from start: UInt64) {
        var run = popLast()
        for offset in stride(from: 0, to: octets.count, by: 4) {
            let value = Int32(littleEndian: octets.loadUnaligned(fromByteOffset: offset, as: Int32.self))
            if run?.take(value) ?? false { continue }
            if let run { append(run) }
            run = IntegerRun(value, at: start + UInt64(offset))
        }
        if let run { append(run) }
    }
}
