import HMMProtocol
import Testing

/// Where lines end, what they may hold, and what is not a request at all.
@Suite struct LineEndTests {
    static let ends = [
        Conversation("ping\nping\r\nping", .request("ping"), .request("ping")),
        Conversation("\n\r\n\n#a ping\r\n\n", .request("ping", tag: "a")),
        Conversation("ping  \n#t ping \r\n", .request("ping"), .request("ping", tag: "t")),
        Conversation("mm.drop   1    \n", .request("mm.drop 1")),
        Conversation("ping\r\r\nping\n", .refused(.syntax), .request("ping")),
        Conversation("\r\r\nping\n", .refused(.syntax), .request("ping")),
        Conversation("ping\rping\nping\n", .refused(.syntax), .request("ping")),
        Conversation("mm.drop\r1\nping\n", .refused(.syntax), .request("ping")),
        Conversation("ping\n\r", .request("ping")),
    ]

    static let controls = (UInt8(0)..<32).filter { $0 != 10 }.flatMap { byte -> [Conversation] in
        let text = { (before: String, after: String) in Array(before.utf8) + [byte] + Array(after.utf8) }
        let refused: [Expected] = [.refused(.syntax), .request("ping")]
        return [
            Conversation(octets: text("ping", "x\nping\n"), refused),
            Conversation(octets: text("mm.drop ", "1\nping\n"), refused),
            Conversation(octets: text("mm.drop mm=", "1\nping\n"), refused),
            Conversation(octets: text("write 1 0 \"", "\"\nping\n"), refused),
            Conversation(octets: text("#t", " ping\nping\n"), refused),
            Conversation(
                octets: text("; a remark", ", and more {5}\nping\n"), byte == 9 ? [.request("ping")] : refused),
        ]
    }

    static let comments = [
        Conversation("; all of this is a remark: \"unclosed {99} \\q = #t ping\nping\n", .request("ping")),
        Conversation(";\n;;\n;\ttab\r\nping\n", .request("ping")),
        Conversation("; gr\u{fc}\u{df}e \u{1f600}\nping\n", .request("ping")),
        Conversation(
            octets: Array("; not UTF-8: ".utf8) + [0x80, 0xff, 0xc3] + Array("\nping\n".utf8), [.request("ping")]),
        Conversation(
            octets: Array("; delete ".utf8) + [0x7f] + Array("\nping\n".utf8), [.refused(.syntax), .request("ping")]),
        Conversation("; bare \r CR\nping\n", .refused(.syntax), .request("ping")),
        Conversation(" ; not a remark\nping\n", .refused(.syntax), .request("ping")),
        Conversation("ping ; not a remark\nping\n", .refused(.syntax), .request("ping")),
    ]

    static let browsers = [
        "GET / HTTP/1.1", "GET ", "POST /x HTTP/1.0", "HEAD / HTTP/1.1", "PUT /a HTTP/1.1", "CONNECT a:1 HTTP/1.1",
        "Host: localhost", "Host:",
    ].map { Conversation("\($0)\r\nping\n", .closed(.syntax)) }

    /// Words that only look like it.
    static let notBrowsers = ["GET", "GETTING on", "Hostess", "get / x", "DELETE /x HTTP/1.1"].map {
        Conversation("\($0)\nping\n", .refused($0.hasPrefix("get") ? .unknownVerb : .syntax), .request("ping"))
    }

    @Test(arguments: ends + comments) func reads(_ conversation: Conversation) { Reading.check(conversation) }
    @Test(arguments: controls) func refusesControlBytes(_ conversation: Conversation) { Reading.check(conversation) }
    @Test(arguments: browsers + notBrowsers) func closesOnHTTP(_ conversation: Conversation) {
        Reading.check(conversation)
    }

    @Test func namesTheControlByte() {
        #expect(Reading.failure("mm.drop \u{0}1")?.text.contains("NUL at column 9") == true)
        #expect(Reading.failure("ping\rx")?.text.contains("a bare CR at column 5") == true)
        #expect(Reading.failure("ping \u{1b}")?.text.contains("control byte 27") == true)
    }

    /// A line without its end is not acted on, whatever it says.
    @Test func waitsForTheEnd() {
        let feed = Feed()
        #expect(!feed.isMidRequest)
        for end in 1...4 {
            #expect(feed.take(String("quit".prefix(end).suffix(1))).isEmpty)
            #expect(feed.isMidRequest)
        }
        #expect(feed.take("\n").count == 1)
        #expect(!feed.isMidRequest)
    }
}
