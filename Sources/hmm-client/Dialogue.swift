import ArgumentParser
import Foundation
import HMMClient
import HMMProtocol

/// A person at a terminal: lines are edited while those of the server appear above.
actor Dialogue {
    private let lines: LineConnection
    private let acknowledges: Bool
    private let colours = Terminal.hasColours
    private let history = HistoryFile()
    private var editor: LineEditor
    private var reader = ScriptReader()
    private var ledger = AnswerLedger(keepsGoing: true, window: .max)
    private var hasEnded = false

    init(_ lines: LineConnection, acknowledges: Bool) {
        self.lines = lines
        self.acknowledges = acknowledges
        editor = LineEditor(prompt: "hmm> ", history: history.load(), complete: VerbCompletion.words)
    }

    /// Talks until either side has had enough, and returns the exit status.
    ///
    /// - Throws: `connectionLost` or `closed` when the server went first.
    func run() async throws(ClientError) -> ExitCode {
        guard let mode = RawMode() else { throw .options("the terminal cannot be controlled") }
        defer {
            Terminal.write(LineEditor.erasing)
            mode.leave()
        }
        show([lines.greeting])
        let typing = Task { await type() }
        defer { typing.cancel() }
        while true {
            switch try await lines.receive() {
            case .lines(let items): await take(items)
            case .nothing: break
            case .ended:
                hasEnded = true
                await lines.close()
                if !ledger.hasQuit { throw .closed(code: ledger.bye ?? "no reason given", text: "") }
                return .success
            }
        }
    }

    // MARK: The server's side

    private func take(_ items: [ServerLineReader.Item]) async {
        show(items)
        var events: [UInt64] = []
        for item in items {
            ledger.received(item.line)
            if case .event(let number, "inval", _) = item.line { events.append(number) }
        }
        guard acknowledges, !events.isEmpty else { return }
        let line = "ack " + events.map(String.init).joined(separator: " ")
        print(["; sent `\(line)`"].map(dim))
        try? await lines.send(line: line)
    }

    private func show(_ items: [ServerLineReader.Item]) {
        var shown: [String] = []
        for item in items {
            shown.append(colours ? Palette.paint(item) : item.text)
            if let literal = item.literal { shown.append(dim(printable(literal))) }
        }
        print(shown)
    }

    /// Control bytes of a literal must not reach the terminal.
    private func printable(_ octets: [UInt8]) -> String {
        let start = octets.prefix(2048).map { (0x20...0x7e).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
        return octets.count > 2048 ? start + "… (\(octets.count) octets)" : start
    }

    private func dim(_ text: String) -> String { colours ? Palette.dim(text) : text }

    /// Writes lines above the prompt.
    private func print(_ shown: [String]) {
        let text = shown.map { $0 + "\r\n" }.joined()
        Terminal.write(LineEditor.erasing + text + editor.drawing(width: Terminal.width))
    }

    // MARK: The person's side

    private func type() async {
        let input = StandardInput()
        while !hasEnded {
            let bytes = await input.read()
            guard !bytes.isEmpty else { return await leave() }
            for byte in bytes {
                let action = editor.take(byte)
                if await !perform(action) { return await leave() }
            }
        }
    }

    /// Returns false when the person wants to leave.
    private func perform(_ action: LineEditor.Action) async -> Bool {
        switch action {
        case .nothing: break
        case .redraw: Terminal.write(editor.drawing(width: Terminal.width))
        case .clearScreen: Terminal.write("\u{1b}[H\u{1b}[2J" + editor.drawing(width: Terminal.width))
        case .choices(let words): print([words.joined(separator: "  ")])
        case .interrupt: Terminal.write("^C\r\n" + editor.drawing(width: Terminal.width))
        case .end: return false
        case .line(let line):
            Terminal.write("\r\n" + editor.drawing(width: Terminal.width))
            history.append(line)
            reader.append(line.utf8)
            reader.append(CollectionOfOne(10))
            while let request = reader.next() {
                ledger.sent(request)
                try? await lines.send(request.octets)
            }
        }
        return true
    }

    private func leave() async {
        guard !ledger.hasQuit, !hasEnded, let quit = ScriptReader.quit else { return }
        ledger.sent(quit)
        try? await lines.send(quit.octets)
    }
}
