/// Takes the bytes of requests into recordings, without the secrets in them.
enum RequestSource {
    /// Adds one whole request to `sources`, with what was kept of its beginning, and the comments before it.
    static func append(_ beginning: [UInt8], _ rest: UnsafeRawBufferPointer, to sources: inout [UInt8]) {
        guard mayBeSecret(beginning.first ?? rest.first) else {
            if !beginning.isEmpty { sources += beginning }
            sources.append(contentsOf: rest)
            return
        }
        let source = beginning + rest
        sources += masked(source) ?? source
    }

    /// Only a line that begins like this can be `auth`.
    private static func mayBeSecret(_ first: UInt8?) -> Bool {
        switch first {
        case UInt8(ascii: "a"), UInt8(ascii: "#"), UInt8(ascii: ";"), 10, 13: true
        default: false
        }
    }

    /// The request with its token masked; nil when it is not `auth`. A tenant that has been entered refuses `auth`
    /// whatever the token is, so a replay says the same.
    private static func masked(_ source: [UInt8]) -> [UInt8]? {
        var line = source[...]
        while let first = line.first, first == UInt8(ascii: ";") || first == 10 || first == 13 {
            guard let end = line.firstIndex(of: 10) else { return nil }
            line = line[(end + 1)...]
        }
        var verb = line
        if verb.first == UInt8(ascii: "#"), let space = verb.firstIndex(of: UInt8(ascii: " ")) {
            verb = verb[(space + 1)...]
        }
        guard verb.starts(with: "auth".utf8) else { return nil }
        return source[..<verb.startIndex] + "auth".utf8 + mask(verb.dropFirst(4))
    }

    /// What gives a line its form stays: the key, the count of a literal, spaces and signs.
    private static func mask(_ arguments: ArraySlice<UInt8>) -> [UInt8] {
        let key = Array(" token=".utf8)
        var masked = arguments.starts(with: key) ? key : []
        var isCount = false
        for byte in arguments.dropFirst(masked.count) {
            if byte == UInt8(ascii: "{") { isCount = true }
            if byte == UInt8(ascii: "}") { isCount = false }
            masked.append(!isCount && isWord(byte) ? UInt8(ascii: "x") : byte)
        }
        return masked
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
