import Testing

@testable import HMMClient

@Suite struct ScriptReaderTests {
    private func read(_ pieces: [String], finish: Bool = true) -> [String] {
        var reader = ScriptReader()
        var requests: [String] = []
        for piece in pieces {
            reader.append(piece.utf8)
            while let request = reader.next() { requests.append(String(decoding: request.octets, as: UTF8.self)) }
        }
        if finish { reader.finish() }
        while let request = reader.next() { requests.append(String(decoding: request.octets, as: UTF8.self)) }
        return requests
    }

    @Test func requestsAreCutFromLines() {
        #expect(read(["ping\n\n; remark\n\r\n#1 ping\r\nquit"]) == ["ping\n", "#1 ping\r\n", "quit\n"])
        #expect(read(["ping\nqu"], finish: false) == ["ping\n"])
        #expect(read([]) == [])
    }

    @Test func literalsBelongToTheirRequest() {
        let script = "write 1 0x10000 {5}\na\n;b\n\nwrite mm=1 data={0}\r\n\r\nwrite 1 0 \"{3}\"\nping\n"
        let expected = [
            "write 1 0x10000 {5}\na\n;b\n\n", "write mm=1 data={0}\r\n\n", "write 1 0 \"{3}\"\n", "ping\n",
        ]
        #expect(read([script]) == expected)
        for cut in 0...script.utf8.count {
            let index = script.utf8.index(script.startIndex, offsetBy: cut)
            #expect(read([String(script[..<index]), String(script[index...])]) == expected, "cut at \(cut)")
        }
        #expect(read(["write 1 0 {5}\nab"]) == ["write 1 0 {5}\nab\n"])
        #expect(read(["write 1 0 {5}\nabcde"]) == ["write 1 0 {5}\nabcde\n"])
    }

    @Test(
        arguments: [
            ("write {5}", 5), ("write data={12}", 12), ("write \"a\\\"b\" {1}\r", 1), ("write \"{5}\"", nil),
            ("write {5} x", nil), ("write {}", nil), ("write {5", nil), ("write {12345678901}", nil), ("write 5}", nil),
            ("write \"open {5}", nil), ("write {x}", nil), ("write {1}{2}", 2),
        ] as [(String, Int?)])
    func literalCount(_ line: String, _ count: Int?) {
        #expect(ScriptRequest.literalCount(Array(line.utf8)[...]) == count)
    }

    @Test(
        arguments: [
            ("ping", .untagged, false), ("#a.b-1 ping", .tagged("a.b-1"), false), ("ack 1 2", .acknowledgement, false),
            ("#t ack 1", .acknowledgement, false), ("ack", .untagged, false), ("ack x", .untagged, false),
            ("quit", .untagged, true), ("#q quit", .tagged("q"), true), ("quit x", .untagged, false),
            ("#! ping", .untagged, false), ("#lonely", .untagged, false),
        ] as [(String, ScriptRequest.Lane, Bool)])
    func lanes(_ line: String, _ lane: ScriptRequest.Lane, _ isQuit: Bool) throws {
        let request = try #require(ScriptRequest(line: Array(line.utf8)[...]))
        #expect(request.lane == lane)
        #expect(request.isQuit == isQuit)
    }
}
