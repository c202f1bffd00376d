/// What the head of an HTTP/1 request says, as far as it matters to whoever is asked for a page.
struct HTTPRequest: Equatable {
    /// Of a head, the empty line at its end included.
    static let bound = 8192

    var method: String
    /// Without the query.
    var path: String
    var hasBody = false

    /// The bytes of a head whose end is there; nil while more has to come. An empty line before it does not count.
    static func head(of bytes: [UInt8]) -> ArraySlice<UInt8>? {
        let head = bytes.drop { $0 == 13 || $0 == 10 }
        var lineStart = head.startIndex
        while let end = head[lineStart...].firstIndex(of: 10) {
            let line = head[lineStart..<end]
            if line.isEmpty || line.elementsEqual([13]) { return head[..<lineStart] }
            lineStart = end + 1
        }
        return nil
    }

    /// Nil for what is no head of a request.
    init?(_ head: ArraySlice<UInt8>) {
        var lines = head.split(separator: 10).map { $0.last == 13 ? $0.dropLast() : $0 }
        guard !lines.isEmpty else { return nil }
        let words = lines.removeFirst().split(separator: 32, omittingEmptySubsequences: false)
        guard words.count == 3, Self.isToken(words[0]), !words[1].isEmpty,
            words[1].allSatisfy({ $0 > 32 && $0 < 127 }),
            words[2].elementsEqual("HTTP/1.1".utf8) || words[2].elementsEqual("HTTP/1.0".utf8)
        else { return nil }
        method = Self.text(words[0])
        path = Self.text(words[1].prefix { $0 != UInt8(ascii: "?") })
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), Self.isToken(line[..<colon]) else { return nil }
            switch Self.text(line[..<colon]).lowercased() {
            case "transfer-encoding": hasBody = true
            case "content-length" where line[colon...].contains { (49...57).contains($0) }: hasBody = true
            default: break
            }
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    /// A word of RFC 9110.
    private static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty
            && bytes.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (94...122).contains(byte)
                    || "!#$%&'*+-.|~".utf8.contains(byte)
            }
    }
}
