/// The character classes of the grammar, each a test of one bit.
enum Characters {
    private static let digits: UInt64 = 0x03ff_0000_0000_0000
    /// `% * + , - . / 0-9 :`
    private static let atomLow: UInt64 = digits | bits("%*+,-./:", from: 0)
    /// `@ A-Z [ ] _ a-z ~`
    private static let atomHigh: UInt64 = letters | bits("@[]_~", from: 64)
    private static let letters: UInt64 = 0x07ff_fffe_07ff_fffe
    private static let lowerLetters: UInt64 = 0x07ff_fffe_0000_0000
    private static let nameLow: UInt64 = digits | bits(".-", from: 0)
    private static let tagHigh: UInt64 = letters | bits("_", from: 64)

    private static func bits(_ set: StaticString, from base: UInt8) -> UInt64 {
        var mask: UInt64 = 0
        for index in 0..<set.utf8CodeUnitCount { mask |= 1 << UInt64(set.utf8Start[index] - base) }
        return mask
    }

    @inline(__always)
    private static func test(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        if byte < 64 { return (low >> UInt64(byte)) & 1 != 0 }
        return byte < 128 && (high >> UInt64(byte & 63)) & 1 != 0
    }

    @inline(__always) static func isAtom(_ byte: UInt8) -> Bool { test(byte, low: atomLow, high: atomHigh) }
    @inline(__always) static func isName(_ byte: UInt8) -> Bool { test(byte, low: nameLow, high: lowerLetters) }
    @inline(__always) static func isTag(_ byte: UInt8) -> Bool { test(byte, low: nameLow, high: tagHigh) }
    @inline(__always) static func isLower(_ byte: UInt8) -> Bool { byte &- 97 < 26 }
    @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
    /// Inside quotes, before escapes: anything printable but the quote and the backslash, and all bytes above ASCII.
    @inline(__always) static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
    @inline(__always) static func isText(_ byte: UInt8) -> Bool { byte == 9 || (byte >= 0x20 && byte != 0x7f) }

    /// The value of a hexadecimal digit, or nil.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
