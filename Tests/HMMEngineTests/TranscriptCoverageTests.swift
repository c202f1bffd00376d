import Foundation
import HMMHarness
import HMMProtocol
import HMMTranscript
import Testing

/// The transcripts show all of the protocol, and the manual shows one of them as it really goes.
@Suite struct TranscriptCoverageTests {
    private static let transcripts: [Transcript] = TranscriptTests.files.compactMap { file in
        let text = try? String(contentsOf: TranscriptTests.folder.appending(path: file), encoding: .utf8)
        return text.flatMap { try? TranscriptParser.parse($0, file: file) }
    }

    /// What a transcript says of requests and their answers, lane by lane.
    private struct Reading {
        var answered: Set<String> = []
        var failures: Set<String> = []
        /// Verbs that wait for an answer, by connection and tag.
        private var waiting: [String: [String]] = [:]

        mutating func take(_ action: Transcript.Action) {
            switch action {
            case .send(let name, let template): sent(name, template.source)
            case .expect(let name, let pattern, _): received(name, pattern.source)
            // A new connection of the same name has nothing to wait for.
            case .connect(let name, _): waiting = waiting.filter { !$0.key.hasPrefix("\(name) ") }
            default: break
            }
        }

        private mutating func sent(_ name: String, _ line: String) {
            var words = line.split(separator: " ")[...]
            let tag = words.first?.first == "#" ? String(words.removeFirst().dropFirst()) : ""
            guard let verb = words.first.map(String.init) else { return }
            // It has no answer when it succeeds, and transcripts end quietly.
            if verb == Ack.spec.name {
                answered.insert(verb)
            } else {
                waiting["\(name) \(tag)", default: []].append(verb)
            }
        }

        private mutating func received(_ name: String, _ line: String) {
            let words = line.split(separator: " ")
            guard let first = words.first, let kind = first.first, kind == "+" || kind == "-" else { return }
            if kind == "-", words.count > 1 { failures.insert(String(words[1])) }
            guard words.count < 2 || words[1] != Substring(ErrorCode.noEvent.rawValue) else { return }
            let lane = "\(name) \(first.dropFirst())"
            guard let verb = waiting[lane]?.first else { return }
            waiting[lane]?.removeFirst()
            if kind == "+" { answered.insert(verb) }
        }
    }

    private static let reading: Reading = {
        var all = Reading()
        for transcript in transcripts {
            var reading = Reading()
            for step in transcript.steps { reading.take(step.action) }
            all.answered.formUnion(reading.answered)
            all.failures.formUnion(reading.failures)
        }
        return all
    }()

    /// `auth` succeeds before there is an engine: the server's tests show it.
    @Test(arguments: VerbName.allCases.filter { $0 != .auth }) func showTheVerb(_ verb: VerbName) {
        #expect(Self.reading.answered.contains(verb.spec.name), "no transcript has `\(verb.spec.name)` with success")
    }

    @Test(arguments: ErrorCode.allCases.filter { $0 != .internal }) func showTheError(_ code: ErrorCode) {
        #expect(Self.reading.failures.contains(code.rawValue), "no transcript expects \(code.rawValue)")
    }

    /// `help` says of every verb what its specification says.
    @Test func helpListsEveryVerb() throws {
        var peer = EnginePeer()
        try peer.connect("P", tenant: "ci")
        try peer.send(Array("help\n".utf8), on: "P")
        var lines: [ServerLine] = []
        while case .line(let item) = try peer.receive(on: "P") { lines.append(item.line) }
        let rows = lines.filter { if case .row = $0 { true } else { false } }.map(\.pairs)
        #expect(rows.map { $0["verb"]?.text } == VerbName.allCases.map(\.spec.name))
        #expect(rows.map { $0["args"]?.text } == VerbName.allCases.map(\.spec.usage))
        #expect(rows.map { $0["doc"]?.text } == VerbName.allCases.map(\.spec.summary))
        #expect(lines.last?.pairs["rows"]?.number == UInt64(rows.count))
    }

    // MARK: The manual

    private static let opening = "<!-- played: day.hmm -->\n"

    /// The day as markdown, with the values the engine gives. What is remarked becomes prose, what is said, code.
    private static func playedDay() throws -> String {
        let day = try #require(transcripts.first { $0.file == "day.hmm" })
        var blocks: [String] = []
        var code: [String] = []
        func prose(_ text: String) {
            if !code.isEmpty { blocks.append((["```"] + code + ["```"]).joined(separator: "\n")) }
            code = []
            if !text.isEmpty { blocks.append(text) }
        }
        var peer = EnginePeer()
        try peer.play(day) { moment in
            switch moment {
            case .heading(let text): prose("**\(text)**")
            case .remark(let text): prose(text)
            case .sent(let name, let octets):
                code.append("\(name)> \(String(decoding: octets.dropLast(), as: UTF8.self))")
            case .received(let name, let item): code.append("\(name)< \(item.text)")
            case .waiting(let milliseconds): prose("\(milliseconds) ms pass.")
            case .connected, .cut, .ended: break
            }
        }
        prose("")
        return blocks.joined(separator: "\n\n")
    }

    @Test func theManualShowsTheDay() throws {
        let file = TranscriptTests.folder.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docs/protocol.md")
        let document = try String(contentsOf: file, encoding: .utf8)
        let played = try Self.playedDay()
        let shown = document.contains("\(Self.opening)\n\(played)\n\n\(ProtocolDocument.closing)\n")
        #expect(shown, "between its marker and the end, docs/protocol.md has to show this:\n\n\(played)\n")
    }
}
