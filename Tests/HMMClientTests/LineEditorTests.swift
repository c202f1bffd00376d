import Testing

@testable import HMMClient

@Suite struct LineEditorTests {
    private func editor(history: [String] = []) -> LineEditor {
        LineEditor(prompt: "hmm> ", history: history, complete: VerbCompletion.words)
    }

    /// The line that `keys` and Return make.
    private func line(_ keys: String, history: [String] = []) -> String? {
        var editor = editor(history: history)
        for byte in keys.utf8 { _ = editor.take(byte) }
        if case .line(let line) = editor.take(13) { return line }
        return nil
    }

    @Test(arguments: [
        ("ping", "ping"), ("pin\u{7f}\u{8}ng", "png"), ("ing\u{1}p", "ping"), ("png\u{2}\u{2}i", "ping"),
        ("png\u{1b}[D\u{1b}[Di", "ping"), ("ing\u{1b}[Hp\u{1b}[F!", "ping!"), ("xping\u{1}\u{4}", "ping"),
        ("xping\u{1b}[1~\u{1b}[3~", "ping"), ("ping pong\u{17}", "ping "), ("ping\u{15}pong", "pong"),
        ("ping\u{1}\u{6}\u{b}", "p"), ("é\u{7f}ö", "ö"), ("a\u{1b}[Ab", "ab"), ("a\u{0}\u{1f}b", "ab"),
        ("\u{1b}OHx", "x"), ("a\u{1b}[200~b", "ab"),
    ])
    func keys(_ keys: String, _ expected: String) {
        #expect(line(keys) == expected)
    }

    @Test func history() {
        #expect(line("\u{1b}[A", history: ["one", "two"]) == "two")
        #expect(line("\u{10}\u{10}\u{10}", history: ["one", "two"]) == "one")
        #expect(line("dra\u{1b}[A\u{1b}[Bft", history: ["one"]) == "draft")
        var editor = editor()
        for byte in "a\ra\rb\r\r".utf8 { _ = editor.take(byte) }
        #expect(editor.history == ["a", "b"])
    }

    @Test func endings() {
        var editor = editor()
        #expect(editor.take(4) == .end)
        _ = editor.take(UInt8(ascii: "x"))
        #expect(editor.take(3) == .interrupt)
        #expect(editor.take(4) == .end)
        #expect(editor.take(12) == .clearScreen)
    }

    @Test func completion() {
        #expect(line("mun\t1") == "munmap 1")
        #expect(line("munmap m\t3") == "munmap mm=3")
        #expect(line("#t fault mirror=1 acc\tr") == "#t fault mirror=1 access=r")
        #expect(line("fault nowait=y\t") == "fault nowait=yes ")
        #expect(line("help lim\t") == "help limits ")
        var editor = editor()
        for byte in "mm.".utf8 { _ = editor.take(byte) }
        #expect(editor.take(9) == .choices(["mm.create", "mm.drop", "mm.fork", "mm.reap"]))
        #expect(VerbCompletion.words("nonsense x") == [])
    }

    @Test func drawing() {
        var editor = editor()
        for byte in "ping".utf8 { _ = editor.take(byte) }
        #expect(editor.drawing(width: 80) == "\r\u{1b}[Khmm> ping")
        _ = editor.take(2)
        #expect(editor.drawing(width: 80) == "\r\u{1b}[Khmm> ping\u{1b}[1D")
        for byte in String(repeating: "x", count: 100).utf8 { _ = editor.take(byte) }
        #expect(editor.drawing(width: 40).count < 50)
    }
}
