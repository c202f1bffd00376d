import HMMProtocol
import Testing

@Suite struct ServerLineTests {
    private func tag(_ text: String) -> ShortName { ShortName(text) ?? .none }

    @Test func banner() throws {
        let line = try ServerLine("* HMM/1 auth=mtls,token page=4096 max-line=8192")
        guard case .banner(1, let pairs) = line else {
            Issue.record("\(line)")
            return
        }
        #expect(pairs["auth"]?.text == "mtls,token")
        #expect(pairs["max-line"]?.number == 8192)
        #expect(pairs["absent"] == nil)
        #expect(try ServerLine("* HMM/12") == .banner(version: 12, pairs: []))
    }

    @Test func notices() throws {
        #expect(try ServerLine("* note : the server stops soon") == .note(text: "the server stops soon"))
        #expect(try ServerLine("* bye QUIT") == .bye(code: "QUIT", text: ""))
        #expect(try ServerLine("* bye TOO-SLOW : read faster") == .bye(code: "TOO-SLOW", text: "read faster"))
    }

    @Test func answers() throws {
        #expect(try ServerLine("+") == .success(tag: .none, pairs: []))
        #expect(try ServerLine("+10") == .success(tag: tag("10"), pairs: []))
        #expect(
            try ServerLine("=t1 va=0x10000 kind=ram")
                == .row(
                    tag: tag("t1"), pairs: [.init("va", .atom("0x10000")), .init("kind", .atom("ram"))]))
        #expect(
            try ServerLine("-f2 NOMAP EFAULT va=0x11000 : not mapped: at all")
                == .failure(
                    tag: tag("f2"), code: "NOMAP", errno: "EFAULT", pairs: [.init("va", .atom("0x11000"))],
                    text: "not mapped: at all"))
        #expect(
            try ServerLine("- SYNTAX EBADMSG")
                == .failure(tag: .none, code: "SYNTAX", errno: "EBADMSG", pairs: [], text: ""))
        #expect(try ServerLine("- BUSY EBUSY : ").tag == ShortName.none)
        #expect(try ServerLine("+9 x=1").endsAnswer)
        #expect(try !ServerLine("= x=1").endsAnswer)
    }

    @Test func events() throws {
        let line = try ServerLine("!18446744073709551615 inval mirror=1 reason=unmap x-new=what")
        guard case .event(UInt64.max, "inval", let pairs) = line else {
            Issue.record("\(line)")
            return
        }
        #expect(pairs["reason"]?.text == "unmap")
        #expect(line.tag == nil)
    }

    @Test func values() throws {
        let pairs = try ServerLine(#"= a="say \"hi\"\n\x00\\" b=hex:00fF c=b64:aGk= d="" e={12}"#).pairs
        #expect(pairs["a"] == .quoted(Array("say \"hi\"\n\0\\".utf8)))
        #expect(pairs["b"] == .blob([0, 255]))
        #expect(pairs["c"]?.text == "hi")
        #expect(pairs["d"] == .quoted([]))
        #expect(pairs["e"] == .literal(count: 12, octets: []))
        #expect(try ServerLine("= a=4p").pairs["a"]?.number == 16384)
        #expect(try ServerLine("= a=ram").pairs["a"]?.number == nil)
        #expect(try ServerLine("= a=\"tab is \u{e4}\"").pairs["a"]?.text == "tab is \u{e4}")
    }

    @Test(arguments: [
        "", "hello", "?", "#1 ping", " +", "+ ", "+ a", "+ a=", "+ a=1 ", "+ a=1  b=2", "+ A=1", "+ 1=1", "+a=1",
        "= ", "=", "=t1", "= a={5} b=1", "+ a={5}", "= a={}", "= a={12345678901}", "= a={5", "= a=\"x", "= a=\"\\q\"",
        "= a=\"\\x0\"", "= a=hex:0", "= a=hex:zz", "= a=b64:a", "= a=b=c", "= a=\u{1}", "+ : text",
        "-", "- ", "- NOMAP", "- NOMAP ", "- nomap EFAULT", "- NOMAP FAULT", "- NOMAP E", "- NOMAP EFAULT text",
        "- NOMAP EFAULT :text", "- NOMAP EFAULT : a\u{7f}", "- 1X EFAULT", "-t NOMAP E-X",
        "!", "! inval", "!0 inval", "!01 inval", "!1", "!1 ", "!1 Inval", "!18446744073709551616 inval", "!x inval",
        "*", "* ", "* hello", "* HMM/", "* HMM/1234", "* HMM/1 : x", "* note", "* note x", "* bye", "* bye quit",
        "+123456789012345678901234567890123",
    ])
    func malformed(_ text: String) {
        #expect(throws: ServerLineError.self) { try ServerLine(text) }
    }

    @Test func errorsSayWhere() {
        let error = #expect(throws: ServerLineError.self) { try ServerLine("+1 a=1 B=2") }
        #expect(error?.column == 8)
        #expect(error?.line == "+1 a=1 B=2")
    }
}

@Suite struct ServerLineReaderTests {
    private let stream = "* HMM/1\r\n=t data={7}\na\nb\r\n\0c\n+t n=7\n= data={0}\r\n\r\n!1 lease\n"

    private func items(_ reader: inout ServerLineReader) throws -> [ServerLineReader.Item] {
        var items: [ServerLineReader.Item] = []
        while let item = try reader.next() { items.append(item) }
        return items
    }

    @Test func linesAndLiterals() throws {
        var reader = ServerLineReader()
        reader.append(stream.utf8)
        let items = try items(&reader)
        #expect(items.map(\.text) == ["* HMM/1", "=t data={7}", "+t n=7", "= data={0}", "!1 lease"])
        #expect(items[1].literal == Array("a\nb\r\n\0c".utf8))
        #expect(items[1].line.pairs["data"] == .literal(count: 7, octets: Array("a\nb\r\n\0c".utf8)))
        #expect(items[3].literal == [])
        #expect(items[0].literal == nil)
        #expect(!reader.isMidLine)
    }

    @Test func everyCutGivesTheSame() throws {
        var whole = ServerLineReader()
        whole.append(stream.utf8)
        let expected = try items(&whole)
        let bytes = Array(stream.utf8)
        for cut in 0...bytes.count {
            var reader = ServerLineReader()
            reader.append(bytes[..<cut])
            var found = try items(&reader)
            reader.append(bytes[cut...])
            found += try items(&reader)
            #expect(found == expected)
        }
        var reader = ServerLineReader()
        var found: [ServerLineReader.Item] = []
        for byte in bytes {
            reader.append(CollectionOfOne(byte))
            found += try items(&reader)
        }
        #expect(found == expected)
    }

    @Test func boundsHold() throws {
        var reader = ServerLineReader(lineLimit: 10, literalLimit: 5)
        reader.append("+ abc=1234\n".utf8)
        #expect(try items(&reader).count == 1)
        reader.append("+ abc=12345".utf8)
        #expect(throws: ServerLineError.self) { try reader.next() }
        var endless = ServerLineReader(lineLimit: 10)
        endless.append("+ abc=12345".utf8)
        #expect(throws: ServerLineError.self) { try endless.next() }
        var literal = ServerLineReader(literalLimit: 5)
        literal.append("= a={6}\n".utf8)
        #expect(throws: ServerLineError.self) { try literal.next() }
    }

    @Test func errorsAreFinal() throws {
        var reader = ServerLineReader()
        reader.append("+\nnonsense\n+\n".utf8)
        #expect(try reader.next()?.text == "+")
        #expect(throws: ServerLineError.self) { try reader.next() }
        #expect(throws: ServerLineError.self) { try reader.next() }
        var unended = ServerLineReader()
        unended.append("= a={2}\nabc\n".utf8)
        #expect(throws: ServerLineError.self) { try unended.next() }
    }
}
