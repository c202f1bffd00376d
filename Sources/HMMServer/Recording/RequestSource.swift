internal import HMMProtocol

/// Takes the bytes of requests into recordings, without the tokens in them.
///
/// Text that shows a token is never edited: what came of it would no longer be what comes of it at a replay. Either it
/// was understood, and a plain `auth` stands in its place, which a tenant that has been entered answers the same; or it
/// was not, and only its refusal is recorded.
enum RequestSource {
    /// Adds one whole request to `sources`, with what was kept of its beginning, and without the comments before it.
    /// False, with nothing added, for one that must not be kept and is known by its refusal only.
    static func append(
        _ item: borrowing RequestReader.Item, _ beginning: [UInt8], _ rest: UnsafeRawBufferPointer,
        to sources: inout [UInt8]
    ) -> Bool {
        guard needsLook(beginning.first ?? rest.first) else {
            if !beginning.isEmpty { sources += beginning }
            sources.append(contentsOf: rest)
            return true
        }
        let source = withoutComments((beginning + rest)[...])
        if mayShowToken(source) {
            switch item {
            case .failure: return false
            case .request(let tag, .auth):
                sources += (tag.isEmpty ? "auth token=x\n" : "#\(tag) auth token=x\n").utf8
                return true
            case .request: break
            }
        }
        sources += source
        return true
    }

    /// Whether the first request in `bytes` may be an `auth`, well written or not: comments, a tag, and whatever is no
    /// letter may come before it. A comment that is refused is taken for one: nobody keeps comments, and who took an
    /// `auth` back may have put it into one.
    static func mayShowToken(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
        guard needsLook(bytes.first) else { return false }
        var line = withoutComments(bytes[...])
        if line.first == UInt8(ascii: ";") { return true }
        line = line.drop { !isLetter($0) && $0 != 10 && $0 != UInt8(ascii: "#") }
        if line.first == UInt8(ascii: "#") {
            line = line.drop { !isBlank($0) }.drop { !isLetter($0) && $0 != 10 }
        }
        return line.prefix(4).lazy.map { $0 | 0x20 }.elementsEqual("auth".utf8)
    }

    /// False for what nearly every request begins with.
    private static func needsLook(_ first: UInt8?) -> Bool {
        guard let first else { return false }
        return first == UInt8(ascii: "a") || !Characters.isLower(first)
    }

    /// From where the request itself begins. Nobody needs what is before it, and it may be what somebody took back.
    /// Only what the parser takes for nothing is left out: what it refuses has an answer, and may have a literal.
    private static func withoutComments<Bytes: RandomAccessCollection<UInt8>>(_ bytes: Bytes) -> Bytes
    where Bytes.SubSequence == Bytes {
        var rest = bytes
        while let end = endOfNothing(rest) { rest = rest[end...] }
        return rest
    }

    /// Where what follows the first line begins; nil if that is neither empty nor a comment as it should be.
    private static func endOfNothing<Bytes: RandomAccessCollection<UInt8>>(_ bytes: Bytes) -> Bytes.Index?
    where Bytes.SubSequence == Bytes {
        guard let first = bytes.first, first == UInt8(ascii: ";") || first == 10 || first == 13,
            let end = bytes.firstIndex(of: 10)
        else { return nil }
        var line = bytes[..<end]
        if line.last == 13 { line.removeLast() }
        let isNothing = line.isEmpty || first == UInt8(ascii: ";") && line.allSatisfy { Characters.isText($0) }
        return isNothing ? bytes.index(after: end) : nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 }

    private static func isLetter(_ byte: UInt8) -> Bool { Characters.isLower(byte | 0x20) }
}
