/// The character classes of the grammar, each a test of one bit.
package enum Characters {
    // Written out, because a mask that is computed is looked up each time it is used. Bit n stands for the byte n in a
    // low mask and for the byte n + 64 in a high one.
    /// `% * + , - . / 0-9 :`
    private static let atomLow: UInt64 = 0x07ff_fc20_0000_0000
    /// `@ A-Z [ ] _ a-z ~`
    private static let atomHigh: UInt64 = 0x47ff_fffe_afff_ffff
    /// `- . 0-9`
    private static let nameLow: UInt64 = 0x03ff_6000_0000_0000
    /// `a-z`
    private static let nameHigh: UInt64 = 0x07ff_fffe_0000_0000
    /// `A-Z _ a-z`
    private static let tagHigh: UInt64 = 0x07ff_fffe_87ff_fffe

    @inline(__always)
    private static func test(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        if byte < 64 { return (low &>> UInt64(byte)) & 1 != 0 }
        return byte < 128 && (high &>> UInt64(byte & 63)) & 1 != 0
    }

    @inline(__always) static func isAtom(_ byte: UInt8) -> Bool { test(byte, low: atomLow, high: atomHigh) }
    @inline(__always) static func isName(_ byte: UInt8) -> Bool { test(byte, low: nameLow, high: nameHigh) }
    @inline(__always) static func isTag(_ byte: UInt8) -> Bool { test(byte, low: nameLow, high: tagHigh) }
    @inline(__always) package static func isLower(_ byte: UInt8) -> Bool { byte &- 97 < 26 }
    @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
    /// Inside quotes, before escapes: anything printable but the quote and the backslash, and all bytes above ASCII.
    @inline(__always) static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
    @inline(__always) package static func isText(_ byte: UInt8) -> Bool { byte == 9 || (byte >= 0x20 && byte != 0x7f) }

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
