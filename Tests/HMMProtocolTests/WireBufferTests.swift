import HMMProtocol
import Testing

/// What the server writes.
@Suite struct WireBufferTests {
    private static let edges: [UInt64] = {
        var values: Set<UInt64> = [0, 1, 9, 15, 16, 17, .max, .max - 1, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]
        var power: UInt64 = 1
        for _ in 0..<19 {
            power *= 10
            values.formUnion([power - 1, power, power + 1])
        }
        for shift in 0..<UInt64(64) { values.formUnion([1 << shift, (1 << shift) &- 1, (1 << shift) | 1]) }
        return values.sorted()
    }()

    private func text(_ write: (inout WireBuffer) -> Void, capacity: Int = 16) -> String {
        var buffer = WireBuffer(capacity: capacity)
        write(&buffer)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    @Test func numbers() {
        for value in Self.edges {
            #expect(text { $0.append(decimal: value) } == String(value))
            #expect(text { $0.append(hex: value) } == "0x" + String(value, radix: 16))
        }
    }

    /// Numbers one after the other, in a buffer that grows all the time.
    @Test func numbersInARow() {
        let shown = text(
            { buffer in
                for value in Self.edges {
                    buffer.pair(" d=", value)
                    buffer.pair(" h=", hex: value)
                }
            }, capacity: 1)
        #expect(shown == Self.edges.map { " d=\($0) h=0x\(String($0, radix: 16))" }.joined())
    }

    /// The same through a cursor, whose number may touch more bytes than it writes.
    @Test(arguments: ["", "t", "A-tag.of_32-characters-012345678"]) func cursor(_ tag: String) throws {
        let name = try #require(ShortName(tag))
        for value in Self.edges {
            let shown = text(
                { buffer in
                    buffer.append("<")
                    buffer.append(atMost: 100) { line in
                        line.put("=")
                        line.put(name)
                        line.put(" a=")
                        line.put(decimal: value)
                        line.put(" b=")
                        line.put(hex: value)
                        line.put(UInt8(10))
                    }
                    buffer.append(">")
                }, capacity: 2)
            #expect(shown == "<=\(tag) a=\(value) b=0x\(String(value, radix: 16))\n>")
        }
    }

    @Test func lines() throws {
        let tag = try #require(ShortName("t1"))
        #expect(
            text {
                $0.beginRow(tag)
                $0.pair(" a=", 1)
                $0.endLine()
            } == "=t1 a=1\n")
        #expect(
            text {
                $0.beginSuccess(.none)
                $0.endLine()
            } == "+\n")
        #expect(
            text {
                $0.beginSuccess(tag)
                $0.pair(" dev=", tag)
                $0.pair(" kind=", word: "ram")
            } == "+t1 dev=t1 kind=ram")
        #expect(text { $0.pair(" x=", quoted: "a\"b\\c\n\r\t\u{1}\u{e9} ") } == #" x="a\"b\\c\n\r\t\x01\xc3\xa9 ""#)
        #expect(text { $0.append(blob: [0, 1, 0x7f, 0xff]) } == "hex:00017fff")
    }

    @Test func failures() {
        let plain = Failure(.notMapped, "nothing there")
        #expect(text { $0.append(plain, tag: .none) } == "- NOMAP EFAULT : nothing there\n")
        let full = Failure(.busy, "wait", address: 4096, retryAfterMilliseconds: 100)
        #expect(
            text { $0.append(full, tag: ShortName("t") ?? .none) } == "-t BUSY EBUSY va=0x1000 retry-after=100 : wait\n"
        )
        let other = Failure(.notMapped, "a hole", errno: .ENOMEM)
        #expect(text { $0.append(other, tag: .none) } == "- NOMAP ENOMEM : a hole\n")
    }

    /// Whatever octets a quoted value is made of, it reads as them.
    @Test func quotesAreReadBack() throws {
        let octets = Array(UInt8.min...UInt8.max)
        let line = text {
            $0.append("= data=")
            $0.append(quoted: octets)
        }
        #expect(line.utf8.allSatisfy { (0x20...0x7e).contains($0) })
        #expect(try ServerLine(line).pairs["data"] == .quoted(octets))
        let blob = text {
            $0.append("= data=")
            $0.append(blob: octets)
        }
        #expect(try ServerLine(blob).pairs["data"] == .blob(octets))
        guard case .write(let write)? = Reading.request("write 1 0 " + line.dropFirst(7)) else { return }
        #expect(write.data == octets)
    }

    @Test func growsAndForgets() {
        var buffer = WireBuffer(capacity: 4)
        buffer.append("hello")
        let mark = buffer.count
        buffer.append(text: " world")
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == "hello world")
        buffer.truncate(to: mark)
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == "hello")
        buffer.truncate(to: 99)
        let count = buffer.count
        #expect(count == 5)
        buffer.append(length: 3) { $0.copyBytes(from: "abc".utf8) }
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == "helloabc")
        buffer.append(upTo: 4) {
            $0.copyBytes(from: "de".utf8)
            return 2
        }
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == "helloabcde")
        buffer.removeAll()
        buffer.shrink(to: 8)
        buffer.append("again and again")
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == "again and again")
    }
}
