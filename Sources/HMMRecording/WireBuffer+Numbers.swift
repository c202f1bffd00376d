internal import HMMProtocol

/// Numbers as a recording holds them: little-endian, or seven bits a byte with the lowest first.
extension WireBuffer {
    @inline(__always)
    mutating func put(_ value: UInt32) {
        append(length: 4) { $0.storeBytes(of: value.littleEndian, as: UInt32.self) }
    }

    @inline(__always)
    mutating func put(_ value: UInt64) {
        append(length: 8) { $0.storeBytes(of: value.littleEndian, as: UInt64.self) }
    }

    @inline(__always)
    mutating func put(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func put(text: String) {
        put(varint: UInt64(text.utf8.count))
        append(text: text)
    }
}

/// Reads them back. Everything is nil where bytes are missing or make no sense.
struct FieldReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var at = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    mutating func byte() -> UInt8? {
        guard at < bytes.count else { return nil }
        at += 1
        return bytes[at - 1]
    }

    mutating func long() -> UInt64? {
        guard bytes.count - at >= 8 else { return nil }
        at += 8
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at - 8, as: UInt64.self))
    }

    mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let next = byte(), shift < 63 || next < 2 else { return nil }
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 { return value }
        }
        return nil
    }

    mutating func small() -> UInt32? { varint().flatMap { UInt32(exactly: $0) } }

    /// Octets with their count before them. The count is held against what is there before anything is copied.
    mutating func octets() -> [UInt8]? {
        guard let count = varint(), count <= UInt64(bytes.count - at) else { return nil }
        defer { at += Int(count) }
        return Array(bytes[at..<at + Int(count)])
    }

    mutating func text() -> String? { octets().map { String(decoding: $0, as: UTF8.self) } }

    mutating func name() -> ShortName? {
        guard let octets = octets(), octets.count <= ShortName.capacity else { return nil }
        return ShortName(String(decoding: octets, as: UTF8.self))
    }
}
