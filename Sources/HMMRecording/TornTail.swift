internal import HMMProtocol

/// Tells a last record that was cut off from one whose length is damaged. Both seem to reach past the end of the file,
/// but behind the latter lie others.
struct TornTail {
    private let bytes: UnsafeRawBufferPointer
    /// Where the record begins, and its number.
    private let start: Int
    private let number: UInt64
    /// Bytes that may still be hashed: whoever made the file shall not choose how long the search takes.
    private var budget: Int

    /// A record has no fewer bytes.
    private static let shortest = 19

    /// False when nothing of the recording follows the record that begins at `start`.
    static func isDamage(
        _ bytes: UnsafeRawBufferPointer, at start: Int, number: UInt64, budget: Int = 1 << 30
    ) -> Bool {
        var tail = TornTail(bytes: bytes, start: start, number: number, budget: budget)
        // It may be the last one, and whole but for its length.
        return tail.isRecord(start, start + 8..<bytes.count, number) || tail.hasLaterRecord()
    }

    private mutating func hasLaterRecord() -> Bool {
        var offset = start + 1
        while offset < bytes.count, budget > 0 {
            if let body = body(offset), isPlausible(body.upperBound) {
                // Damage may have swallowed as many as there was room for.
                for swallowed in 0...UInt64((offset - start) / Self.shortest + 1)
                where isRecord(offset, body, number + swallowed) { return true }
            }
            offset += 1
        }
        return false
    }

    /// Where the body of a record at `offset` would be; nil where none can be.
    private func body(_ offset: Int) -> Range<Int>? {
        guard bytes.count - offset >= Self.shortest,
            RecordKind(rawValue: bytes[offset + 8] & ~RecordKind.withOutput) != nil
        else { return nil }
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        guard length >= Self.shortest - 8, length <= min(RecordKind.longest, bytes.count - offset - 8) else {
            return nil
        }
        return offset + 8..<offset + 8 + length
    }

    /// What follows a record: nothing, another one, or the torn tail.
    private func isPlausible(_ offset: Int) -> Bool {
        guard bytes.count - offset > 8 else { return true }
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        return length <= RecordKind.longest && RecordKind(rawValue: bytes[offset + 8] & ~RecordKind.withOutput) != nil
    }

    private mutating func isRecord(_ offset: Int, _ body: Range<Int>, _ number: UInt64) -> Bool {
        guard body.count <= RecordKind.longest, budget > 0 else { return false }
        budget -= body.count + 64
        let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
        let found = XXHash64.hash(UnsafeRawBufferPointer(rebasing: bytes[body]), seed: number)
        return UInt32(truncatingIfNeeded: found) == checksum
    }
}
