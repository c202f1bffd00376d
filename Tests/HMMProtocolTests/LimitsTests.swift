import HMMProtocol
import Testing

/// Bounds of what is read: the last that is allowed, and one past it.
@Suite struct LimitsTests {
    @Test(arguments: ["\n", "\r\n"]) func line(_ end: String) {
        // The line end counts.
        let longest = "write 1 0 " + String(repeating: "a", count: 8192 - 10 - end.utf8.count) + end
        #expect(longest.utf8.count == 8192)
        let last = Reading.items(Array((longest + "ping\n").utf8))
        #expect(last.count == 2)
        let past = Reading.items(Array(("a" + longest + "ping\n").utf8))
        #expect(past.count == 1 && Reading.matches(past[0], .closed(.tooLong)))
        for offset in [1, 4000, 8190, 8191, 8192] {
            #expect(Reading.items(Array((longest + "ping\n").utf8), .cut(offset)) == last)
            #expect(Reading.items(Array(("a" + longest + "ping\n").utf8), .cut(offset)) == past)
        }
    }

    /// The same with a small bound, cut everywhere.
    @Test func lineCutEverywhere() {
        var limits = Limits()
        limits.line = 24
        for end in ["\n", "\r\n"] {
            let room = 24 - 10 - end.utf8.count
            let fits = "write 1 0 " + String(repeating: "a", count: room)
            Reading.check(Conversation("\(fits)\(end)ping\n", .request(fits), .request("ping"), limits: limits))
            Reading.check(Conversation("\(fits)a\(end)ping\n", .closed(.tooLong), limits: limits))
            Reading.check(Conversation("#tag \(fits)\(end)ping\n", .closed(.tooLong), limits: limits))
            let remark = ";" + String(repeating: " ", count: 23 - end.utf8.count)
            Reading.check(Conversation("\(remark)\(end)ping\n", .request("ping"), limits: limits))
            Reading.check(Conversation("\(remark) \(end)ping\n", .closed(.tooLong), limits: limits))
        }
        // It is not waited for the end of a line that is too long already.
        Reading.check(Conversation(String(repeating: "a", count: 23), limits: limits))
        Reading.check(Conversation(String(repeating: "a", count: 24), .closed(.tooLong), limits: limits))
    }

    @Test func arguments() {
        let many = { (count: Int) in "ack" + String(repeating: " 7", count: count) }
        #expect(Reading.request(many(64)) != nil)
        #expect(Reading.failure(many(65))?.code == .tooLong)
    }

    @Test func tag() {
        let tag = String(repeating: "T", count: 32)
        Reading.check(
            Conversation(
                "#\(tag) ping\n#\(tag)T ping\nping\n", .request("ping", tag: tag), .refused(.syntax), .request("ping")))
    }

    @Test func literal() {
        for size in [0, 1, 16] {
            var limits = Limits()
            limits.literal = size
            let octets = String(repeating: "x", count: size)
            Reading.check(
                Conversation(
                    "write 1 0 {\(size)}\n\(octets)\nping\n", .request("write 1 0 \"\(octets)\""), .request("ping"),
                    limits: limits))
            Reading.check(
                Conversation("write 1 0 {\(size + 1)}\n\(octets)x\nping\n", .closed(.tooLong), limits: limits))
        }
    }

    /// Rows of the `limits` verb: one for each bound, told apart by name.
    @Test func rowsAreComplete() {
        let rows = Limits().rows
        let names = Set(rows.map { "\($0.name)" })
        #expect(names.count == rows.count)
        // The bound of names and tags is no property: names have room for so many bytes.
        #expect(rows.count == Mirror(reflecting: Limits()).children.count + 1)
        #expect(rows.allSatisfy { $0.value > 0 })
        #expect(rows.first { "\($0.name)" == "tag" }?.value == UInt64(ShortName.capacity))
        let values = Set(rows.map(\.value))
        for (label, value) in Mirror(reflecting: Limits()).children {
            let number = (value as? UInt64) ?? (value as? Int).map { UInt64($0) }
            #expect(number.map(values.contains) == true, "\(label ?? "")")
        }
    }
}
