/// A tag or a name of 0 to 32 bytes, held in place so that it costs no allocation. Empty means "none".
public struct ShortName: Hashable, Sendable {
    public static let capacity = 32
    /// The untagged lane, and the absence of a name.
    @inlinable public static var none: ShortName { ShortName() }

    @usableFromInline var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    @usableFromInline var length: UInt8 = 0
    @inlinable public var count: UInt8 { length }

    @inlinable public init() {}

    /// Nil when the range does not fit.
    @inline(__always)
    public init?(_ line: Span<UInt8>, _ range: Range<Int>) {
        guard range.count <= Self.capacity else { return nil }
        length = UInt8(truncatingIfNeeded: range.count)
        words.0 = Self.word(line, range.lowerBound, range.upperBound)
        if range.count <= 8 { return }
        words.1 = Self.word(line, range.lowerBound + 8, range.upperBound)
        words.2 = Self.word(line, range.lowerBound + 16, range.upperBound)
        words.3 = Self.word(line, range.lowerBound + 24, range.upperBound)
    }

    /// Up to eight bytes from `start`, in one load where the line is long enough.
    @inline(__always)
    private static func word(_ line: Span<UInt8>, _ start: Int, _ end: Int) -> UInt64 {
        let count = min(8, end - start)
        guard count > 0 else { return 0 }
        if start + 8 <= line.count {
            let loaded = line.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self)
            return count == 8 ? loaded : loaded & ((1 &<< UInt64(truncatingIfNeeded: count * 8)) &- 1)
        }
        var word: UInt64 = 0
        for offset in 0..<count { word |= UInt64(line[start + offset]) << UInt64(offset * 8) }
        return word
    }

    /// Nil when the text does not fit.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= Self.capacity else { return nil }
        for byte in text.utf8 { append(byte) }
    }

    @inline(__always)
    private mutating func append(_ byte: UInt8) {
        let shifted = UInt64(byte) << UInt64((length & 7) * 8)
        switch length >> 3 {
        case 0: words.0 |= shifted
        case 1: words.1 |= shifted
        case 2: words.2 |= shifted
        default: words.3 |= shifted
        }
        length += 1
    }

    /// The first eight bytes, for hashing.
    @inline(__always) var prefixWord: UInt64 { words.0 }

    @inlinable @inline(__always) public var isEmpty: Bool { length == 0 }

    /// The byte at `index`, which must be below `count`.
    @inlinable @inline(__always)
    public subscript(index: Int) -> UInt8 {
        let word =
            switch index >> 3 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return UInt8(truncatingIfNeeded: word &>> UInt64(truncatingIfNeeded: (index & 7) * 8))
    }

    @inlinable @inline(__always)
    public static func == (a: Self, b: Self) -> Bool {
        a.length == b.length && a.words.0 == b.words.0 && a.words.1 == b.words.1
            && a.words.2 == b.words.2 && a.words.3 == b.words.3
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

extension ShortName: CustomStringConvertible {
    public var description: String { String(decoding: (0..<Int(count)).map { self[$0] }, as: UTF8.self) }
}

/// The word a client puts before a request to find its answer again; `.none` is the untagged lane.
public typealias Tag = ShortName
