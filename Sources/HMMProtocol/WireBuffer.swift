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

    /// Writes over eight bytes that have been appended, the low byte of `word` first; nothing where there are none.
    public mutating func overwrite(at mark: Int, _ word: UInt64) {
        guard mark >= 0, mark + 8 <= used else { return }
        storage.storeBytes(of: word.littleEndian, toByteOffset: mark, as: UInt64.self)
    }

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

    /// Appends what `fill` writes, at most `bound` bytes; it returns how many.
    public mutating func append(upTo bound: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) {
        reserve(bound)
        let written = fill(UnsafeMutableRawBufferPointer(rebasing: storage[used..<used + bound]))
        used += min(bound, max(0, written))
    }

    /// Appends a piece of a line of at most `bound` bytes: checked once, then written through a cursor.
    @inlinable @inline(__always)
    public mutating func append(atMost bound: Int, _ write: (inout Cursor) -> Void) {
        reserve(bound)
        let start = storage.baseAddress.unsafelyUnwrapped + used
        var cursor = Cursor(at: start)
        write(&cursor)
        used += start.distance(to: cursor.at)
        assert(start.distance(to: cursor.at) <= bound)
    }

    /// Appends `value` in decimal.
    @inlinable @inline(__always)
    public mutating func append(decimal value: UInt64) { append(atMost: 20) { $0.put(decimal: value) } }

    /// Appends `value` as `0x…` without leading zeros.
    @inlinable @inline(__always)
    public mutating func append(hex value: UInt64) { append(atMost: Cursor.hexRoom) { $0.put(hex: value) } }

    /// A place in reserved memory. Whoever gets one says beforehand how much it will write at most.
    @frozen
    public struct Cursor {
        /// Bytes that one hexadecimal number may touch.
        @inlinable static var hexRoom: Int { 18 }

        @usableFromInline var at: UnsafeMutableRawPointer

        @inlinable @inline(__always)
        init(at: UnsafeMutableRawPointer) { self.at = at }

        @inlinable @inline(__always)
        public mutating func put(_ byte: UInt8) {
            at.storeBytes(of: byte, as: UInt8.self)
            at += 1
        }

        @inlinable @inline(__always)
        public mutating func put(_ text: StaticString) {
            at.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
            at += text.utf8CodeUnitCount
        }

        @inlinable @inline(__always)
        public mutating func put(_ name: ShortName) {
            for index in 0..<Int(name.count) { put(name[index]) }
        }

        @inlinable @inline(__always)
        public mutating func put(decimal value: UInt64) {
            if value < 10 { return put(UInt8(truncatingIfNeeded: value) &+ 48) }
            putLong(decimal: value)
        }

        @usableFromInline
        mutating func putLong(decimal value: UInt64) {
            var digits = 1
            var rest = value
            while rest >= 10 {
                rest /= 10
                digits += 1
            }
            rest = value
            for offset in (0..<digits).reversed() {
                at.storeBytes(of: UInt8(truncatingIfNeeded: rest % 10) &+ 48, toByteOffset: offset, as: UInt8.self)
                rest /= 10
            }
            at += digits
        }

        @inlinable @inline(__always)
        public mutating func put(hex value: UInt64) {
            let digits = max(1, (67 - value.leadingZeroBitCount) >> 2)
            let shifted = value &<< UInt64(truncatingIfNeeded: (16 - digits) * 4)
            at.storeBytes(of: 0x7830, as: UInt16.self)
            at.storeBytes(
                of: Self.hexDigits(UInt32(truncatingIfNeeded: shifted >> 32)), toByteOffset: 2, as: UInt64.self)
            if digits > 8 {
                at.storeBytes(
                    of: Self.hexDigits(UInt32(truncatingIfNeeded: shifted)), toByteOffset: 10, as: UInt64.self)
            }
            at += 2 + digits
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
}
