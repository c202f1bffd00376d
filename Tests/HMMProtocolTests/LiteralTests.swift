import HMMProtocol
import Testing

/// Counted payloads: how much follows is known from the line alone, or the connection closes.
@Suite struct LiteralTests {
    private static let small: Limits = {
        var limits = Limits()
        limits.literal = 20
        return limits
    }()

    static let good = [
        Conversation("write 1 0 {5}\nhello\nping\n", .request("write 1 0 hello"), .request("ping")),
        Conversation(
            "#w write 1 0 data={5}\r\nhello\r\nping\n", .request("write 1 0 hello", tag: "w"), .request("ping")),
        Conversation("write va=0 mm=1 data={5}\nhello\n", .request("write 1 0 hello")),
        Conversation("dev.write 1 0 {3}\na\r\n\nping\n", .request("dev.write 1 0 \"a\\r\\n\""), .request("ping")),
        Conversation("write 1 0 {2}\n\r\n\r\n", .request("write 1 0 \"\\r\\n\"")),
        Conversation("write 1 0 {1}\n\n\n", .request("write 1 0 \"\\n\"")),
        Conversation("write 1 0 {6}\nquit\n\n\nping\n", .request("write 1 0 \"quit\\n\\n\""), .request("ping")),
        Conversation("write 1 0 {0}\n\nping\n", .request("write 1 0 \"\""), .request("ping")),
        Conversation("write 1 0 {0}\r\n\r\nping\n", .request("write 1 0 \"\""), .request("ping")),
        Conversation("write 1 0 {0000000005}\nhello\n", .request("write 1 0 hello")),
        Conversation(
            octets: Array("write 1 0 {4}\n".utf8) + [0, 13, 0xff, 10, 10], [.request("write 1 0 hex:000dff0a")]),
        Conversation(
            "write 1 0 {20}\n01234567890123456789\n", .request("write 1 0 01234567890123456789"), limits: small),
    ]

    /// Lines with a literal that are refused for another reason: the octets are passed over, not read as requests.
    static let refused = [
        Conversation("frob {4}\nquit\nping\n", .refused(.unknownVerb), .request("ping")),
        Conversation("#t frob a b=c \"d\" {4}\nquit\nping\n", .refused(.unknownVerb, tag: "t"), .request("ping")),
        Conversation("frob x={4}\nquit\nping\n", .refused(.unknownVerb), .request("ping")),
        Conversation("ping {4}\nquit\nping\n", .refused(.badArgument), .request("ping")),
        Conversation("ack {4}\nquit\nping\n", .refused(.badArgument), .request("ping")),
        Conversation(
            "ack \(String(repeating: "1 ", count: 64)){4}\nquit\nping\n", .refused(.tooLong), .request("ping")),
        Conversation("read 1 0 len={4}\nquit\nping\n", .refused(.badArgument), .request("ping")),
        Conversation("write 0 0 {4}\nquit\nping\n", .refused(.badArgument), .request("ping")),
        Conversation("write 1 {4}\nquit\nping\n", .refused(.badArgument), .request("ping")),
        Conversation("write mm=1 data={4}\nquit\nping\n", .refused(.missing), .request("ping")),
        Conversation("write 1 0 x data={4}\nquit\nping\n", .refused(.badArgument), .request("ping")),
        Conversation("write 1 0 = {4}\nquit\nping\n", .refused(.syntax), .request("ping")),
        Conversation("write 1 0 \"\\q\" {4}\nquit\nping\n", .closed(.syntax)),
        Conversation("write 1 0 a{4}\nquit\nping\n", .refused(.syntax), .request("ping")),
        Conversation("write 1 0 ~{4}\nquit\nping\n", .refused(.syntax), .request("ping")),
        Conversation("Write 1 0 \"{9}\" {4}\nquit\nping\n", .refused(.syntax), .request("ping")),
        Conversation("#bad!tag write 1 0 {4}\nquit\nping\n", .refused(.syntax), .request("ping")),
        Conversation("write 1 0 \"{4}\"\nping\n", .request("write 1 0 hex:7b347d"), .request("ping")),
        Conversation("; {4}\nping\n", .request("ping")),
    ]

    /// Nobody can know how much to pass over: the connection closes and the next byte is never read.
    static let closing = [
        "write 1 0 {", "write 1 0 {}", "write 1 0 {5", "write 1 0 {x}", "write 1 0 {-1}", "write 1 0 {+5}",
        "write 1 0 {0x5}", "write 1 0 {5k}", "write 1 0 { 5}", "write 1 0 {5 }", "write 1 0 {5} ", "write 1 0 {5}x",
        "write 1 0 {5} len=5", "write 1 0 data={5} len=5", "write 1 {5} {5}", "write 1 0 {{5}}", "write 1 0 {5}{5}",
        "write 1 0 {5+}", "frob {", "frob {5", "ping {x}", "write 1 0 \"{5}", "#{ ping", "{5} x",
    ].map { Conversation("\($0)\nhello\nping\n", .closed(.syntax, tag: "")) }

    static let tooLong = [
        "write 1 0 {1048577}", "write 1 0 {2147483647}", "write 1 0 {2147483648}", "write 1 0 {2147483649}",
        "write 1 0 {4294967295}", "write 1 0 {4294967296}", "write 1 0 {4294967297}",
        "write 1 0 {9223372036854775807}", "write 1 0 {9223372036854775808}", "write 1 0 {9223372036854775809}",
        "write 1 0 {18446744073709551615}", "write 1 0 {18446744073709551616}", "write 1 0 {18446744073709551621}",
        "write 1 0 {99999999999999999999}", "write 1 0 {00000000005}", "frob {1048577}", "ping x={1048577}",
    ].map { Conversation("\($0)\nhello\nping\n", .closed(.tooLong)) }

    static let badEnds = [
        Conversation("write 1 0 {5}\nhello!\nping\n", .closed(.syntax)),
        Conversation("write 1 0 {5}\nhello\rx\nping\n", .closed(.syntax)),
        Conversation("write 1 0 {5}\nhello\r\r\nping\n", .closed(.syntax)),
        Conversation("write 1 0 {4}\nhello\nping\n", .closed(.syntax)),
        Conversation("write 1 0 {0}\nhello\nping\n", .closed(.syntax)),
        Conversation("#t frob {4}\nhello\nping\n", .closed(.syntax)),
        Conversation("write 1 0 {5}\nhel", limits: small),
        Conversation("write 1 0 {5}\nhello"),
        Conversation("#t write 1 0 {21}\n", .closed(.tooLong, tag: "t"), limits: small),
        Conversation("#t write 1 {5} x\n", .closed(.syntax, tag: "t")),
    ]

    @Test(arguments: good) func reads(_ conversation: Conversation) { Reading.check(conversation) }
    @Test(arguments: refused) func keepsTheFraming(_ conversation: Conversation) { Reading.check(conversation) }
    @Test(arguments: closing + tooLong + badEnds) func closes(_ conversation: Conversation) {
        Reading.check(conversation)
    }

    @Test func largestLiteral() {
        let octets = [UInt8](repeating: 0x61, count: 1 << 20)
        let stream = Array("write 1 0 {1048576}\n".utf8) + octets + Array("\nping\n".utf8)
        let cuts = [10, 20, 600_000, stream.count - 6].map { Delivery.cut($0) }
        for delivery in cuts + [.whole, .filling(.max), .filling(100_000)] {
            let items = Reading.items(stream, delivery)
            #expect(items.count == 2)
            guard case .request(_, .write(let write))? = items.first else {
                Issue.record("no write")
                continue
            }
            #expect(write.data == octets)
        }
        let past = Reading.items(Array("write 1 0 {1048577}\n".utf8) + octets + Array("a\nping\n".utf8))
        #expect(past.count == 1 && Reading.matches(past[0], .closed(.tooLong)))
    }

    /// The request comes out when its line end has come, not before.
    @Test func reportsWhatIsMissing() {
        let feed = Feed()
        #expect(feed.take("write 1 0 {5}\n").isEmpty)
        #expect(feed.missingLiteral == 5 && feed.isMidRequest)
        #expect(feed.take("he").isEmpty)
        #expect(feed.missingLiteral == 3)
        #expect("".utf8.withContiguousStorageIfAvailable { feed.fill(UnsafeRawBufferPointer($0)) } == 0)
        #expect(feed.missingLiteral == 3)
        #expect("llo\r\n".utf8.withContiguousStorageIfAvailable { feed.fill(UnsafeRawBufferPointer($0)) } == 3)
        #expect(feed.missingLiteral == 0 && feed.isMidRequest)
        #expect("x".utf8.withContiguousStorageIfAvailable { feed.fill(UnsafeRawBufferPointer($0)) } == 0)
        #expect(feed.take("\r").isEmpty)
        #expect(feed.take("\n") == Reading.request("write 1 0 hello").map { [.request(.none, $0)] })
        #expect(!feed.isMidRequest)
    }
}
