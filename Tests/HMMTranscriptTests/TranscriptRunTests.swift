import HMMTranscript
import Testing

@Suite struct TranscriptRunTests {
    private let answers: [String: [(to: String, bytes: String)]] = [
        "mm.create": [("P", "+ mm=7\n")],
        "mmap 7 4p": [("P", "+ va=0x10000\n")],
        "read": [("P", "= data={5}\nhello\n+ n=5\n")],
        "munmap": [("A", "!1 inval mirror=1\n")],
        "ack 1": [("P", "+ pages=1\n")],
        "quit": [("P", "+\n* bye QUIT\n"), ("P", "close")],
        "die": [("P", "close")],
    ]

    @discardableResult
    private func play(_ text: String) throws -> [String] {
        var peer = FakePeer(answers)
        try peer.play(TranscriptParser.parse(text, file: "t.hmm"))
        return peer.log
    }

    private func failure(_ text: String) -> TranscriptFailure? {
        do throws(TranscriptFailure) {
            var peer = FakePeer(answers)
            try peer.play(TranscriptParser.parse(text, file: "t.hmm"))
            return nil
        } catch {
            return error
        }
    }

    @Test func conversation() throws {
        let log = try play(
            """
            @connect A tenant=other
            P> mm.create
            P< + mm=$mm
            P> mmap $mm 4p
            P< + va=*
            P> munmap
            A< !1 inval mirror=$m
            @quiet P
            @advance 1s
            A> ack $m
            P< + pages=1
            @cut A
            @connect A
            P> quit
            P< +
            P< * bye QUIT
            @eof P
            """)
        #expect(
            log == [
                "connect A other", "connect P ci", "P mm.create\n", "P mmap 7 4p\n", "P munmap\n", "advance 1000",
                "A ack 1\n", "cut A", "connect A ci", "P quit\n",
            ])
    }

    @Test func greetingMayBeExpected() throws {
        try play("P< * HMM/1 *\n@quiet P")
        try play("@connect P")
        try play("P< *")
        #expect(failure("P< * HMM/2")?.received == "* HMM/1 page=4096")
    }

    @Test func literals() throws {
        try play("P> read\nP< = data={5}\nP<| hello\nP< + n=5")
        try play("P> read\nP< = data={5}\nP<|+ he\nP<| \"l\" x2\nP<| o\nP< + n=5".replacing("P<| \"", with: "P<|+ \""))
        try play("P> read\nP< = data={5}\nP<| *\nP< + n=5")
        #expect(failure("P> read\nP< = data={5}\nP<| hallo\nP< + n=5")?.line == 2)
        #expect(failure("P> read\nP< = data={5}\nP< + n=5")?.received == "\"hello\"")
        #expect(failure("P> mm.create\nP< + mm=7\nP<| x")?.received == "none")
    }

    @Test func differencesSayWhereAndWhat() {
        let other = failure("P> mm.create\nP< + mm=$mm\nP> mmap $mm 4p\nP< + va=0x20000")
        #expect(
            other?.description == """
                t.hmm:4: P received another line
                  expected: + va=0x20000
                  received: + va=0x10000
                  bindings: mm=7
                """)
        #expect(failure("P< + mm=1")?.reason == "P received nothing")
        #expect(failure("P> munmap $x")?.reason == "$x has no value yet")
        #expect(failure("@connect P\n@connect P")?.line == 2)
        #expect(failure("P> quit\nP< +\nP< * bye QUIT\n@eof P\nP> x")?.line == 5)
        #expect(failure("P> die\nP< +")?.reason == "P was closed by the server")
    }

    @Test func quietIsChecked() {
        #expect(failure("P> mm.create\n@quiet P\nP< +")?.line == 2)
        #expect(failure("P> mm.create\n\n; end")?.received == "+ mm=7")
        #expect(failure("P> die")?.reason == "P was closed by the server")
        #expect(failure("P> quit\nP< +\nP< * bye QUIT") == nil)
        #expect(failure("P> mm.create\n@eof P")?.received == "+ mm=7")
    }
}
