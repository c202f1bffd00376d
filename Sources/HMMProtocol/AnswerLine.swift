/// The lines of an answer, written straight into the output. Keys are given with their space and equals sign, so that
/// each costs one copy.
extension WireBuffer {
    /// Begins `=tag`; end it with `endLine`.
    @inlinable @inline(__always)
    public mutating func beginRow(_ tag: Tag) {
        reserve(160)
        append(UInt8(ascii: "="))
        append(tag)
    }

    /// Begins `+tag`; end it with `endLine`.
    @inlinable @inline(__always)
    public mutating func beginSuccess(_ tag: Tag) {
        reserve(160)
        append(UInt8(ascii: "+"))
        append(tag)
    }

    @inlinable @inline(__always)
    public mutating func endLine() { append(UInt8(ascii: "\n")) }

    @inlinable @inline(__always)
    public mutating func pair(_ key: StaticString, _ value: UInt64) {
        append(key)
        append(decimal: value)
    }

    @inlinable @inline(__always)
    public mutating func pair(_ key: StaticString, hex value: UInt64) {
        append(key)
        append(hex: value)
    }

    @inlinable @inline(__always)
    public mutating func pair(_ key: StaticString, word: StaticString) {
        append(key)
        append(word)
    }

    /// Appends a number with its sign.
    public mutating func append(signed value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    /// Appends a byte as two hexadecimal digits.
    public mutating func append(byte: UInt8) { append(hexDigits: byte) }

    public mutating func pair(_ key: StaticString, _ name: ShortName) {
        append(key)
        append(name)
    }

    public mutating func pair(_ key: StaticString, quoted text: String) {
        append(key)
        append(quoted: text.utf8)
    }

    /// Appends octets as a quoted value; what is not printable ASCII is escaped.
    public mutating func append(quoted octets: some Sequence<UInt8>) {
        append(UInt8(ascii: "\""))
        for octet in octets { append(escaped: octet) }
        append(UInt8(ascii: "\""))
    }

    private mutating func append(escaped octet: UInt8) {
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            append(UInt8(ascii: "\\"))
            append(octet)
        case 10: append("\\n")
        case 13: append("\\r")
        case 9: append("\\t")
        case 0x20...0x7e: append(octet)
        default:
            append("\\x")
            append(hexDigits: octet)
        }
    }

    /// Appends octets as `hex:…`.
    public mutating func append(blob octets: some Sequence<UInt8>) {
        append("hex:")
        for octet in octets { append(hexDigits: octet) }
    }

    private mutating func append(hexDigits octet: UInt8) {
        for digit in [octet >> 4, octet & 15] { append(digit &+ (digit < 10 ? 48 : 87)) }
    }

    /// A whole `-tag CODE ERRNO …` line.
    public mutating func append(_ failure: Failure, tag: Tag) {
        append(UInt8(ascii: "-"))
        append(tag)
        append(UInt8(ascii: " "))
        append(text: failure.code.rawValue)
        append(UInt8(ascii: " "))
        append(text: failure.errno.rawValue)
        if let address = failure.address { pair(" va=", hex: address) }
        if let retry = failure.retryAfterMilliseconds { pair(" retry-after=", retry) }
        append(" : ")
        append(text: failure.text)
        endLine()
    }
}
