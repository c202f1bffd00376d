/// Values of arguments: numbers, words and octets, read from the bytes of a line.
enum Values {
    /// A number: decimal with an optional suffix, or hexadecimal. Nil when malformed or above 64 bits.
    @inline(__always)
    static func number(_ line: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        var at = range.lowerBound
        let end = range.upperBound
        if range.count > 2, line[at] == UInt8(ascii: "0"), line[at + 1] == UInt8(ascii: "x") {
            return hexadecimal(line, at + 2..<end)
        }
        guard range.count > 0, Characters.isDigit(line[at]) else { return nil }
        var value: UInt64 = 0
        while at < end, Characters.isDigit(line[at]) {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(line[at] &- 48))
            if overflow || carry { return nil }
            value = sum
            at += 1
        }
        if at == end { return value }
        guard at == end - 1 else { return nil }
        return suffixed(value, line[at])
    }

    @inline(__always)
    private static func hexadecimal(_ line: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        guard range.count <= 16 else { return nil }
        var value: UInt64 = 0
        for index in range {
            guard let digit = Characters.hexValue(line[index]) else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    @inline(__always)
    private static func suffixed(_ value: UInt64, _ suffix: UInt8) -> UInt64? {
        let shift: UInt64
        switch suffix {
        case UInt8(ascii: "p"): shift = 12
        case UInt8(ascii: "k"): shift = 10
        case UInt8(ascii: "m"): shift = 20
        case UInt8(ascii: "g"): shift = 30
        case UInt8(ascii: "t"): shift = 40
        default: return nil
        }
        let shifted = value << shift
        return shifted >> shift == value ? shifted : nil
    }

    /// A plain number that begins at `start` and ends at a space or the end of the line; nil for anything else, which
    /// is not an error yet.
    @inline(__always)
    static func scanNumber(_ line: Span<UInt8>, from start: Int) -> (value: UInt64, end: Int)? {
        var at = start
        let end = line.count
        var value: UInt64 = 0
        if at + 2 < end, line[at] == UInt8(ascii: "0"), line[at + 1] == UInt8(ascii: "x") {
            at += 2
            let first = at
            while at < end {
                let byte = line[unchecked: at]
                var digit = byte &- 48
                if digit > 9 {
                    digit = (byte | 32) &- 87
                    guard digit &- 10 < 6 else { break }
                }
                value = value << 4 | UInt64(digit)
                at += 1
            }
            guard at - first <= 16, at > first else { return nil }
        } else {
            let first = at
            while at < end, Characters.isDigit(line[unchecked: at]) {
                value = value &* 10 &+ UInt64(line[unchecked: at] &- 48)
                at += 1
            }
            // Eighteen digits cannot overflow; longer ones take the careful way.
            guard at - first <= 18, at > first else { return nil }
            if at < end, line[unchecked: at] == UInt8(ascii: "p"), value >> 51 == 0 {
                value <<= 12
                at += 1
            }
        }
        guard at == end || line[unchecked: at] == UInt8(ascii: " ") else { return nil }
        return (value, at)
    }

    /// A name: a lower-case letter, then letters, digits, `.` and `-`.
    static func name(_ line: Span<UInt8>, _ range: Range<Int>) -> ShortName? {
        isName(line, range) ? ShortName(line, range) : nil
    }

    @inline(__always)
    static func isName(_ line: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count > 0, Characters.isLower(line[range.lowerBound]) else { return false }
        for index in range where !Characters.isName(line[index]) { return false }
        return true
    }

    /// `none`, or some of the letters `r w x`, each once.
    static func protection(_ line: Span<UInt8>, _ range: Range<Int>) -> ProtectionBits? {
        if equals(line, range, "none") { return [] }
        var bits: ProtectionBits = []
        for index in range {
            let bit: ProtectionBits
            switch line[index] {
            case UInt8(ascii: "r"): bit = .read
            case UInt8(ascii: "w"): bit = .write
            case UInt8(ascii: "x"): bit = .execute
            default: return nil
            }
            guard bits.insert(bit).inserted else { return nil }
        }
        return bits.isEmpty ? nil : bits
    }

    /// The position of the word in `words`.
    @inline(__always)
    static func choice(
        _ line: Span<UInt8>, _ range: Range<Int>, _ words: UnsafeBufferPointer<ShortName>
    ) -> UInt64? {
        guard let word = ShortName(line, range) else { return nil }
        for index in 0..<words.count where words[index] == word { return UInt64(index) }
        return nil
    }

    /// One bit for each word of a comma-separated list.
    static func choices(
        _ line: Span<UInt8>, _ range: Range<Int>, _ words: UnsafeBufferPointer<ShortName>
    ) -> UInt64? {
        var bits: UInt64 = 0
        var start = range.lowerBound
        while start <= range.upperBound {
            var end = start
            while end < range.upperBound, line[end] != UInt8(ascii: ",") { end += 1 }
            guard let bit = choice(line, start..<end, words) else { return nil }
            bits |= 1 << bit
            start = end + 1
        }
        return bits
    }

    static func equals(_ line: Span<UInt8>, _ range: Range<Int>, _ word: String) -> Bool {
        guard range.count == word.utf8.count else { return false }
        for (offset, byte) in word.utf8.enumerated() where line[range.lowerBound + offset] != byte { return false }
        return true
    }

    /// The octets of an atom: itself, or what it encodes after `hex:` or `b64:`. Nil when malformed.
    static func atom(_ line: Span<UInt8>, _ range: Range<Int>) -> [UInt8]? {
        if range.count >= 4 {
            let body = range.lowerBound + 4..<range.upperBound
            if equals(line, range.lowerBound..<range.lowerBound + 4, "hex:") { return hex(line, body) }
            if equals(line, range.lowerBound..<range.lowerBound + 4, "b64:") { return base64(line, body) }
        }
        return range.map { line[$0] }
    }

    private static func hex(_ line: Span<UInt8>, _ range: Range<Int>) -> [UInt8]? {
        guard range.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(range.count / 2)
        for index in stride(from: range.lowerBound, to: range.upperBound, by: 2) {
            guard let high = Characters.hexValue(line[index]), let low = Characters.hexValue(line[index + 1])
            else { return nil }
            octets.append(high << 4 | low)
        }
        return octets
    }

    private static func base64(_ line: Span<UInt8>, _ range: Range<Int>) -> [UInt8]? {
        var end = range.upperBound
        while end > range.lowerBound, range.upperBound - end < 2, line[end - 1] == UInt8(ascii: "=") { end -= 1 }
        let padding = range.upperBound - end
        let digits = end - range.lowerBound
        guard digits % 4 != 1, padding == 0 || (digits + padding).isMultiple(of: 4) else { return nil }
        var octets: [UInt8] = []
        var bits: UInt32 = 0
        var held = 0
        for index in range.lowerBound..<end {
            guard let digit = base64Value(line[index]) else { return nil }
            bits = bits << 6 | UInt32(digit)
            held += 6
            if held >= 8 {
                held -= 8
                octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
                bits &= (1 << UInt32(held)) - 1
            }
        }
        return bits == 0 ? octets : nil
    }

    private static func base64Value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 65...90: byte - 65
        case 97...122: byte - 71
        case 48...57: byte + 4
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// The octets between quotes; `range` excludes the quotes and has been checked by the tokenizer.
    static func quoted(_ line: Span<UInt8>, _ range: Range<Int>) -> [UInt8]? {
        var octets: [UInt8] = []
        octets.reserveCapacity(range.count)
        var at = range.lowerBound
        while at < range.upperBound {
            let byte = line[at]
            at += 1
            guard byte == UInt8(ascii: "\\") else {
                octets.append(byte)
                continue
            }
            guard at < range.upperBound else { return nil }
            let escape = line[at]
            at += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): octets.append(escape)
            case UInt8(ascii: "n"): octets.append(10)
            case UInt8(ascii: "r"): octets.append(13)
            case UInt8(ascii: "t"): octets.append(9)
            case UInt8(ascii: "x"):
                guard at + 2 <= range.upperBound, let high = Characters.hexValue(line[at]),
                    let low = Characters.hexValue(line[at + 1])
                else { return nil }
                octets.append(high << 4 | low)
                at += 2
            default: return nil
            }
        }
        return octets
    }
}
