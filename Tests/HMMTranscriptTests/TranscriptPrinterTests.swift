import HMMProtocol
import HMMTranscript
import Testing

@Suite struct TranscriptPrinterTests {
    private let text = """
        ;; A munmap that waits
        ; Mirror A has faulted one page. The process unmaps it,
        ; and has its answer only when A has let go.
        @connect P
        @connect A
        P> #9 munmap mm=1
        A< !1 inval mirror=1 va=0x10000 len=4096 reason=unmap
        @advance 250ms
        A> ack 1
        P< +9 pages=1
        @cut A
        ; Reading gives bytes.
        P> read
        P< = data={5}
        P<| hello
        P< +
        ;; Leaving
        P> quit
        P< +
        @eof P
        """

    private func show(width: Int, colours: Bool = false) throws -> [String] {
        let transcript = try TranscriptParser.parse(text, file: "t.hmm")
        var peer = FakePeer([
            "#9 munmap mm=1": [("A", "!1 inval mirror=1 va=0x10000 len=4096 reason=unmap\n")],
            "ack 1": [("P", "+9 pages=1\n")], "read": [("P", "= data={5}\nhello\n+\n")],
            "quit": [("P", "+\n"), ("P", "close")],
        ])
        var printer = TranscriptPrinter(names: transcript.connectionNames, width: width, colours: colours)
        var lines: [String] = []
        try peer.play(transcript) { lines += printer.show($0) }
        return lines + printer.finish()
    }

    @Test func lanes() throws {
        let shown = try show(width: 100).map { String($0.reversed().drop { $0 == " " }.reversed()) }
        #expect(
            shown.joined(separator: "\n") == """
                A munmap that waits
                ═══════════════════
                Mirror A has faulted one page. The process unmaps it, and has its answer only when A has let go.

                  P         connects as ci
                  │   A     connects as ci
                  ├───┼──▶  #9 munmap mm=1
                  │   ◀───  !1 inval mirror=1 va=0x10000 len=4096 reason=unmap
                  │   │     … 250 ms pass …
                  │   ├──▶  ack 1
                  ◀───┼───  +9 pages=1
                  │   ╳     A: connection cut
                  │
                  │         Reading gives bytes.
                  │
                  ├──────▶  read
                  ◀───────  = data={5}
                  │         "hello"
                  ◀───────  +

                Leaving
                ───────
                  P
                  ├──────▶  quit
                  ◀───────  +
                  ╳         P: closed by the server
                """)
    }

    @Test func narrowPagesWrap() throws {
        let shown = try show(width: 48)
        #expect(shown.allSatisfy { $0.count <= 48 })
        #expect(shown.contains { $0.contains("  len=4096 reason=unmap") })
    }

    @Test func coloursChangeNothingElse() throws {
        let plain = try show(width: 100)
        let coloured = try show(width: 100, colours: true)
        #expect(coloured.count == plain.count)
        #expect(coloured.contains { $0.contains("\u{1b}[32m+9 pages=1\u{1b}[0m") })
    }
}
