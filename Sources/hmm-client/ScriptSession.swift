import ArgumentParser
import HMMClient
import HMMProtocol

/// A script being sent while the server's lines are printed.
actor ScriptSession {
    private let lines: LineConnection
    private let acknowledges: Bool
    private var ledger: AnswerLedger
    /// The sender, when it waits for an answer.
    private var waiter: CheckedContinuation<Void, Never>?
    /// The `quit` is ours, so its answer is not printed.
    private var saidQuit = false
    private var isOver = false

    init(_ lines: LineConnection, keepsGoing: Bool, acknowledges: Bool) {
        self.lines = lines
        self.acknowledges = acknowledges
        let window = lines.greeting.line.pairs["window"]?.number ?? 256
        ledger = AnswerLedger(keepsGoing: keepsGoing, window: Int(clamping: window))
    }

    /// Runs the script, standard input if nil, and returns the exit status.
    ///
    /// - Throws: `connectionLost` or `closed` when the server went before the script was through.
    func run(_ script: [String]?) async throws(ClientError) -> ExitCode {
        let sender = Task { await send(script) }
        defer { sender.cancel() }
        while true {
            switch try await lines.receive() {
            case .lines(let items): await take(items)
            case .nothing: break
            case .ended:
                isOver = true
                wake()
                await lines.close()
                guard ledger.hasQuit else {
                    throw .closed(code: ledger.bye ?? "no reason given", text: "")
                }
                return ledger.hasFailed ? Exit.refused : .success
            }
        }
    }

    // MARK: Receiving

    private func take(_ items: [ServerLineReader.Item]) async {
        var output: [UInt8] = []
        var events: [UInt64] = []
        for item in items {
            ledger.received(item.line)
            if case .event(let number, "inval", _) = item.line { events.append(number) }
            if saidQuit, isAnswerToQuit(item.line) { continue }
            output += item.bytes
            output.append(10)
            if let literal = item.literal { output += literal + [10] }
        }
        if !output.isEmpty { Terminal.write(output) }
        wake()
        guard acknowledges, !events.isEmpty else { return }
        let line = "ack " + events.map(String.init).joined(separator: " ")
        Terminal.complain("sent `\(line)`")
        try? await lines.send(line: line)
    }

    private func isAnswerToQuit(_ line: ServerLine) -> Bool {
        switch line {
        case .success(let tag, _): tag.isEmpty
        case .bye(let code, _): code == "QUIT"
        case .banner, .note, .row, .failure, .event: false
        }
    }

    // MARK: Sending

    private func send(_ script: [String]?) async {
        var reader = ScriptReader()
        if let script {
            reader.append(script.joined(separator: "\n").utf8)
            reader.finish()
            await send(from: &reader)
        } else {
            let input = StandardInput()
            while !ledger.hasStopped {
                let bytes = await input.read()
                if bytes.isEmpty { reader.finish() } else { reader.append(bytes) }
                await send(from: &reader)
                if bytes.isEmpty { break }
            }
        }
        await leave()
    }

    private func send(from reader: inout ScriptReader) async {
        while let request = reader.next() {
            while !ledger.hasStopped, !ledger.maySend(request), !isOver { await wait() }
            if ledger.hasStopped || isOver { return }
            ledger.sent(request)
            // A connection that is gone shows where its lines are read.
            try? await lines.send(request.octets)
        }
    }

    private func leave() async {
        while ledger.outstanding > 0, ledger.bye == nil, !isOver { await wait() }
        guard !ledger.hasQuit, ledger.bye == nil, !isOver, let quit = ScriptReader.quit else { return }
        saidQuit = true
        ledger.sent(quit)
        try? await lines.send(quit.octets)
    }

    private func wait() async {
        await withCheckedContinuation { waiter = $0 }
    }

    private func wake() {
        waiter?.resume()
        waiter = nil
    }
}
