/// Bytes on their way out, appended in place. One reservation per answer, no allocation once it has grown.
public struct WireBuffer: ~Copyable {
    @usableFromInline var storage: UnsafeMutableRawBufferPointer
    @usableFromInline var used = 0
    @inlinable public var count: Int { used }

    public init(capacity: Int = 16384) {
        storage = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { storage.deallocate() }

    /// The bytes so far, valid until the next change.
    @inlinable @inline(__always)
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[..<used]) }

    @inlinable @inline(__always)
    public mutating func removeAll() { used = 0 }

    /// Forgets what was appended after `mark`, an earlier `count`.
    public mutating func truncate(to mark: Int) { used = min(used, mark) }

    /// Gives back memory that one large answer made it take.
    public mutating func shrink(to capacity: Int) {
        guard used == 0, storage.count > capacity else { return }
        storage.deallocate()
        storage = .allocate(byteCount: capacity, alignment: 16)
    }

    /// Makes room for `extra` more bytes.
    @inlinable @inline(__always)
    public mutating func reserve(_ extra: Int) {
        if storage.count - used < extra { grow(extra) }
    }

    @inline(never)
    @usableFromInline
    mutating func grow(_ extra: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(storage.count * 2, used + extra), alignment: 16)
        larger.copyMemory(from: bytes)
        storage.deallocate()
        storage = larger
    }

    @inlinable @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        storage[used] = byte
        used += 1
    }

    @inlinable @inline(__always)
    public mutating func append(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        reserve(length)
        (storage.baseAddress! + used).copyMemory(from: text.utf8Start, byteCount: length)
        used += length
    }

    /// Appends text that is made at run time; what is known when compiling goes the fast way above.
    public mutating func append(text: String) {
        for byte in text.utf8 { append(byte) }
    }

    @inlinable @inline(__always)
    public mutating func append(_ name: ShortName) {
        for index in 0..<Int(name.count) { append(name[index]) }
    }

    @inlinable @inline(__always)
    public mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let base = source.baseAddress else { return }
        reserve(source.count)
        (storage.baseAddress! + used).copyMemory(from: base, byteCount: source.count)
        used += source.count
    }

    /// Appends `length` bytes that `fill` writes.
    public mutating func append(length: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        reserve(length)
        fill(UnsafeMutableRawBufferPointer(rebasing: storage[used..<used + length]))
        used += length
    }

    /// Appends `value` in decimal.
    @inlinable @inline(__always)
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
        var at = used + digits
        used = at
        repeat {
            at -= 1
            storage[at] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
            rest /= 10
        } while rest > 0
    }

    /// Appends `value` as `0x…` without leading zeros.
    @inlinable @inline(__always)
    public mutating func append(hex value: UInt64) {
        reserve(18)
        let digits = max(1, (67 - value.leadingZeroBitCount) >> 2)
        let shifted = value << UInt64((16 - digits) * 4)
        let base = storage.baseAddress.unsafelyUnwrapped + used
        base.storeBytes(of: 0x7830, as: UInt16.self)
        base.storeBytes(of: Self.hexDigits(UInt32(truncatingIfNeeded: shifted >> 32)), toByteOffset: 2, as: UInt64.self)
        if digits > 8 {
            base.storeBytes(of: Self.hexDigits(UInt32(truncatingIfNeeded: shifted)), toByteOffset: 10, as: UInt64.self)
        }
        used += 2 + digits
    }

    /// Eight hexadecimal digits as the bytes of a word, the highest first.
    @inlinable @inline(__always)
    static func hexDigits(_ value: UInt32) -> UInt64 {
        // One nibble a byte, then all bytes become ASCII at once.
        var spread = UInt64(value.byteSwapped)
        spread = (spread | spread << 16) & 0x0000_ffff_0000_ffff
        spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff
        let high = (spread >> 4) & 0x000f_000f_000f_000f
        let low = spread & 0x000f_000f_000f_000f
        let nibbles = high | low << 8
        let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 39
    }
}
