/// Octets as a transcript writes them: as they are, or between quotes with the escapes `\" \\ \n \r \t \xHH`.
enum Octets {
    /// Reads `"…"` at the start of `text`, and an optional ` xN` that repeats it; nil when malformed.
    static func quoted(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.first == UInt8(ascii: "\"") else { return nil }
        var octets: [UInt8] = []
        var at = text.startIndex + 1
        while at < text.endIndex, text[at] != UInt8(ascii: "\"") {
            guard text[at] == UInt8(ascii: "\\") else {
                octets.append(text[at])
                at += 1
                continue
            }
            guard let (octet, length) = escape(text[(at + 1)...]) else { return nil }
            octets.append(octet)
            at += 1 + length
        }
        guard at < text.endIndex else { return nil }
        return repeated(octets, text[(at + 1)...])
    }

    private static func escape(_ text: ArraySlice<UInt8>) -> (octet: UInt8, length: Int)? {
        guard let kind = text.first else { return nil }
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): return (kind, 1)
        case UInt8(ascii: "n"): return (10, 1)
        case UInt8(ascii: "r"): return (13, 1)
        case UInt8(ascii: "t"): return (9, 1)
        case UInt8(ascii: "x"):
            let digits = text.dropFirst().prefix(2)
            guard digits.count == 2, digits.allSatisfy(isHexDigit),
                let octet = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else { return nil }
            return (octet, 3)
        default: return nil
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        byte &- 48 < 10 || (byte | 32) &- 97 < 6
    }

    private static func repeated(_ octets: [UInt8], _ suffix: ArraySlice<UInt8>) -> [UInt8]? {
        if suffix.isEmpty { return octets }
        let marker: [UInt8] = [UInt8(ascii: " "), UInt8(ascii: "x")]
        guard suffix.starts(with: marker), let count = Int(String(decoding: suffix.dropFirst(2), as: UTF8.self)),
            count > 0, octets.count.multipliedReportingOverflow(by: count).overflow == false,
            octets.count * count <= 1 << 24
        else { return nil }
        return Array(repeatElement(octets, count: count).joined())
    }

    /// Octets for people: between quotes, all but printable ASCII escaped, cut after `limit` octets.
    static func display(_ octets: some Collection<UInt8>, limit: Int = 64) -> String {
        var text = "\""
        for octet in octets.prefix(limit) {
            switch octet {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text += "\\" + String(UnicodeScalar(octet))
            case 10: text += "\\n"
            case 13: text += "\\r"
            case 9: text += "\\t"
            case 0x20...0x7e: text += String(UnicodeScalar(octet))
            default:
                let digits = String(octet, radix: 16)
                text += digits.utf8.count == 1 ? "\\x0" + digits : "\\x" + digits
            }
        }
        return octets.count > limit ? "\(text)\"… (\(octets.count) octets)" : text + "\""
    }
}
