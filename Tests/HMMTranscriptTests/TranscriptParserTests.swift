import HMMTranscript
import Testing

@Suite struct TranscriptParserTests {
    private func actions(_ text: String) throws -> [Transcript.Action] {
        try TranscriptParser.parse(text, file: "t.hmm").steps.map(\.action)
    }

    @Test func everyForm() throws {
        let text = #"""
            ;; Heading
            ; remark
            ;   indented

            @connect P tenant=other
            @connect Q
            P> mm.create
            P< + mm=$mm
            P> write mm=$mm va=0x10000 data={5}
            P>| hello
            P>|+ hel
            P>| "l\x00o\n"
            P< = data={5}
            P<| hello
            A< = data={6}
            A<|+ "abc" x2
            A<| ""
            A< = data={6}
            A<| *
            @raw P "bytes\x0d\n"
            @quiet P A
            @advance 1500ms
            @advance 2s
            @cut A
            @eof P
            P>
            """#
        let actions = try actions(text)
        #expect(
            actions == [
                .heading("Heading"), .remark("remark"), .remark("  indented"), .connect("P", tenant: "other"),
                .connect("Q", tenant: "ci"), .send("P", Template("mm.create")),
                .expect("P", Pattern("+ mm=$mm"), literal: nil),
                .send("P", Template("write mm=$mm va=0x10000 data={5}")), .sendOctets("P", Array("hello\n".utf8)),
                .sendOctets("P", Array("hel".utf8)), .sendOctets("P", [108, 0, 111, 10, 10]),
                .expect("P", Pattern("= data={5}"), literal: .exactly(Array("hello".utf8))),
                .expect("A", Pattern("= data={6}"), literal: .exactly(Array("abcabc".utf8))),
                .expect("A", Pattern("= data={6}"), literal: .anything),
                .sendOctets("P", Array("bytes\r\n".utf8)), .quiet(["P", "A"]), .advance(milliseconds: 1500),
                .advance(milliseconds: 2000), .cut("A"), .end("P"), .send("P", Template("")),
            ])
        #expect(try TranscriptParser.parse(text, file: "").connectionNames == ["P", "Q", "A"])
    }

    @Test(arguments: [
        ("P", 1), ("P: x", 1), ("\nP>x", 2), ("ABCDEFGHIJKLMNOPQ> x", 1), ("> x", 1), ("@", 1), ("@frob P", 1),
        ("@connect", 1), ("@connect P x=1", 1), ("@connect P tenant=", 1), ("@connect P tenant=a b", 1),
        ("@quiet", 1), ("@quiet P-1", 1), ("@advance", 1), ("@advance 5", 1), ("@advance -5ms", 1), ("@cut", 1),
        ("@cut A B", 1), ("@eof", 1), ("@raw P", 1), ("@raw P \"x", 1), ("@raw P \"\\q\"", 1), ("P>| \"x\" y", 1),
        ("P>|x", 1), ("P<| hello", 1), ("P< = a={1}\n\nA<| x", 3), ("P< = a={1}\nP<|+ x", 2),
        ("P< = a={1}\nP<|+ x\n; remark", 3), ("P< = a={1}\nP<| x\nP<| y", 3), ("P>| \"x\" x0", 1),
    ])
    func malformed(_ text: String, line: Int) {
        let failure = #expect(throws: TranscriptFailure.self) { try actions(text) }
        #expect(failure?.line == line)
        #expect(failure?.description.hasPrefix("t.hmm:\(line): ") == true)
    }
}
