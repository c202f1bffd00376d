import HMMProtocol
import Testing

/// Long streams of good requests, cut everywhere.
@Suite struct StreamTests {
    /// Every verb, both line ends, blank lines, remarks, tags and literals, with what has to come of it.
    static let stream: (octets: [UInt8], expected: [Expected]) = {
        var octets: [UInt8] = []
        var expected: [Expected] = []
        for (number, verb) in VerbName.allCases.enumerated() {
            let line = SampleLines.positional(verb.spec)
            let tag = number.isMultiple(of: 3) ? "t\(number)" : ""
            octets += Array("\(tag.isEmpty ? "" : "#\(tag) ")\(line)\(number.isMultiple(of: 2) ? "\n" : "\r\n")".utf8)
            expected.append(.request(line, tag: tag))
            if number.isMultiple(of: 5) { octets += Array("; {7} a remark\n\n\r\n".utf8) }
            if number.isMultiple(of: 4) {
                octets += Array("#w\(number) write 1 0x10000 {7}\n\nquit\r\n\r\n".utf8)
                expected.append(.request("write 1 0x10000 \"\\nquit\\r\\n\"", tag: "w\(number)"))
            }
        }
        return (octets, expected)
    }()

    @Test func everyCut() { Reading.check(Conversation(octets: Self.stream.octets, Self.stream.expected)) }

    /// Many short pieces, whose sizes have nothing to do with where lines end.
    @Test(arguments: [2, 3, 5, 7, 11, 13, 31, 64]) func pieces(_ size: Int) {
        let feed = Feed()
        var items: [RequestReader.Item] = []
        Self.stream.octets.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: size) {
                items += feed.take(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + size, bytes.count)]))
            }
        }
        #expect(items == Reading.items(Self.stream.octets))
    }

    /// Good and bad, with what closes at the end.
    @Test func badAmongGood() {
        Reading.check(
            Conversation(
                "#a ping\nfrob {3}\na\nb\n#b write 1 0 {2}\r\nok\r\nPING\n\n#c write 1 {1}\nx\nack 1 2\nwrite 1 0 {9\nping\n",
                .request("ping", tag: "a"), .refused(.unknownVerb), .request("write 1 0 ok", tag: "b"),
                .refused(.syntax),
                .refused(.badArgument, tag: "c"), .request("ack 1 2"), .closed(.syntax)))
    }
}
