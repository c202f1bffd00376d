/// Bytes on their way out, appended in place. One reservation per answer, no allocation once it has grown.
public struct WireBuffer: ~Copyable {
    private var storage: UnsafeMutableRawBufferPointer
    public private(set) var count = 0

    public init(capacity: Int = 16384) {
        storage = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { storage.deallocate() }

    /// The bytes so far, valid until the next change.
    @inline(__always)
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[..<count]) }

    @inline(__always)
    public mutating func removeAll() { count = 0 }

    /// Forgets what was appended after `mark`, an earlier `count`.
    public mutating func truncate(to mark: Int) { count = min(count, mark) }

    /// Gives back memory that one large answer made it take.
    public mutating func shrink(to capacity: Int) {
        guard count == 0, storage.count > capacity else { return }
        storage.deallocate()
        storage = .allocate(byteCount: capacity, alignment: 16)
    }

    /// Makes room for `extra` more bytes.
    @inline(__always)
    public mutating func reserve(_ extra: Int) {
        if storage.count - count < extra { grow(extra) }
    }

    @inline(never)
    private mutating func grow(_ extra: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(storage.count * 2, count + extra), alignment: 16)
        larger.copyMemory(from: bytes)
        storage.deallocate()
        storage = larger
    }

    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        storage[count] = byte
        count += 1
    }

    @inline(__always)
    public mutating func append(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        reserve(length)
        (storage.baseAddress! + count).copyMemory(from: text.utf8Start, byteCount: length)
        count += length
    }

    public mutating func append(_ text: String) {
        for byte in text.utf8 { append(byte) }
    }

    @inline(__always)
    public mutating func append(_ name: ShortName) {
        for index in 0..<Int(name.count) { append(name[index]) }
    }

    @inline(__always)
    public mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let base = source.baseAddress else { return }
        reserve(source.count)
        (storage.baseAddress! + count).copyMemory(from: base, byteCount: source.count)
        count += source.count
    }

    /// Appends `length` bytes that `fill` writes.
    public mutating func append(length: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        reserve(length)
        fill(UnsafeMutableRawBufferPointer(rebasing: storage[count..<count + length]))
        count += length
    }

    /// Appends `value` in decimal.
    @inline(__always)
    public mutating func append(decimal value: UInt64) {
        if value < 10 { return append(UInt8(truncatingIfNeeded: value) + UInt8(ascii: "0")) }
        reserve(20)
        var digits = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        rest = value
        var at = count + digits
        count = at
        repeat {
            at -= 1
            storage[at] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
            rest /= 10
        } while rest > 0
    }

    /// Appends `value` as `0x…` without leading zeros.
    @inline(__always)
    public mutating func append(hex value: UInt64) {
        reserve(18)
        storage[count] = UInt8(ascii: "0")
        storage[count + 1] = UInt8(ascii: "x")
        let digits = max(1, (67 - value.leadingZeroBitCount) >> 2)
        var shift = UInt64(digits * 4)
        count += 2
        for _ in 0..<digits {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: (value >> shift) & 15)
            storage[count] = digit &+ (digit < 10 ? 48 : 87)
            count += 1
        }
    }
}
