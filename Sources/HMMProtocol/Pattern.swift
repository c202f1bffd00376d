/// Octets by rule instead of octets one by one, for ranges that no line could hold.
public enum Pattern: Equatable, Sendable {
    /// Every byte is this one.
    case byte(UInt8)
    /// Every byte of page i of the range, counted from 0, is this one plus i, modulo 256.
    case bytePlusPage(UInt8)
    /// Little-endian integers of 32 bits: element i is i.
    case ints
    /// The same, element i being -i.
    case negativeInts

    /// `HH`, `HH+`, `ints` or `-ints`; nil for anything else.
    init?(_ line: Span<UInt8>, _ range: Range<Int>) {
        if Values.equals(line, range, "ints") {
            self = .ints
        } else if Values.equals(line, range, "-ints") {
            self = .negativeInts
        } else {
            let start = range.lowerBound
            guard range.count == 2 || (range.count == 3 && line[start + 2] == UInt8(ascii: "+")),
                let high = Characters.hexValue(line[start]), let low = Characters.hexValue(line[start + 1])
            else { return nil }
            let byte = high << 4 | low
            self = range.count == 2 ? .byte(byte) : .bytePlusPage(byte)
        }
    }

    // MARK: Among the numbers of a request

    /// The pattern as a number: its kind above its byte.
    var number: UInt64 {
        switch self {
        case .byte(let byte): UInt64(byte)
        case .bytePlusPage(let byte): 1 << 8 | UInt64(byte)
        case .ints: 2 << 8
        case .negativeInts: 3 << 8
        }
    }

    init(number: UInt64) {
        let byte = UInt8(truncatingIfNeeded: number)
        switch number >> 8 {
        case 0: self = .byte(byte)
        case 1: self = .bytePlusPage(byte)
        case 2: self = .ints
        default: self = .negativeInts
        }
    }

    // MARK: As an argument

    static let argument = ArgumentSpec(
        "pattern", .pattern, .optional,
        "octets by rule: `41` every byte is 0x41; `41+` page i of the range, from 0, is filled with 0x41 + i; `ints` 32-bit little-endian integers 0, 1, 2 and so on; `-ints` the same, negated"
    )

    /// `BADARG` when the length would end within an element.
    func check(length: UInt64) throws(Failure) {
        guard self == .ints || self == .negativeInts, length & 3 != 0 else { return }
        throw Failure(.badArgument, "`len` must be a multiple of 4 with `pattern=ints` and `pattern=-ints`")
    }
}

/// The arguments that say what a store writes: `data`, or `pattern` and `len`.
enum StoredBytes {
    /// `MISSING` when there is neither `data` nor `pattern`, or no `len` with `pattern`; `BADARG` when there are both.
    @inline(__always)
    static func check(hasData: Bool, _ pattern: Pattern?, _ length: UInt64?) throws(Failure) {
        if pattern != nil || !hasData { try checkPattern(hasData, pattern, length) }
    }

    @inline(never)
    private static func checkPattern(_ hasData: Bool, _ pattern: Pattern?, _ length: UInt64?) throws(Failure) {
        guard let pattern else { throw Failure(.missing, "`data` or `pattern` has to say what to write") }
        guard !hasData else { throw Failure(.badArgument, "`data` and `pattern` exclude each other") }
        guard let length else { throw .missing("len", with: "pattern") }
        try pattern.check(length: length)
    }

    static let data = ArgumentSpec("data", .data, .optional, "the bytes; these or a `pattern`")
    static let length = ArgumentSpec(
        "len", .length, .optional, "bytes to write, `data` repeated as needed; absent: as long as `data`")
}
