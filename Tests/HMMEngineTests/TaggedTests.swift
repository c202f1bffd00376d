import HMMHarness
import HMMProtocol
import HMMTranscript
import Testing

/// A client that never has two requests under way may tag them or not: the answers are the same.
@Suite struct TaggedTests {
    private static let files = TranscriptTests.files.filter { (try? tagged($0)) != nil }

    @Test func mostTranscriptsCanBeTagged() { #expect(Self.files.count * 2 > TranscriptTests.files.count) }

    @Test(arguments: files) func answersAreTheSame(_ file: String) throws {
        var peer = EnginePeer()
        try peer.play(try #require(try Self.tagged(file)))
    }

    /// The transcript with a tag on every untagged request; nil when its meaning is in having none.
    private static func tagged(_ file: String) throws -> Transcript? {
        var tagger = Tagger()
        var transcript = try TranscriptTests.transcript(file)
        for index in transcript.steps.indices {
            guard let action = tagger.take(transcript.steps[index].action) else { return nil }
            transcript.steps[index].action = action
        }
        return transcript
    }
}

/// Gives tags to the requests of a transcript, and to their answers.
private struct Tagger {
    private static let verbs = Set(VerbName.allCases.map(\.spec.name))
    private var count = 0
    /// The tag of the request without an answer, by connection.
    private var open: [String: String] = [:]
    /// Its verb: only `ack`, which has no answer, may fail without a tag.
    private var awaitsAnswer: [String: String] = [:]
    /// The connection whose last line announced a literal.
    private var awaitsLiteral: String?

    /// Nil when two untagged requests of a connection are under way, or `pending` would show the tags.
    mutating func take(_ action: Transcript.Action) -> Transcript.Action? {
        switch action {
        case .connect(let name, _), .cut(let name), .end(let name):
            open[name] = nil
            return action
        case .send(let name, let template): return sent(name, template)
        case .expect(let name, let pattern, let literal):
            guard let tag = open[name], let kind = pattern.source.first, "=+-".contains(kind) else { return action }
            let rest = pattern.source.dropFirst()
            guard rest.isEmpty || rest.first == " ", awaitsAnswer[name] == "to-ram" || !rest.hasPrefix(" NOEVENT ")
            else {
                return action
            }
            if kind != "=" { open[name] = nil }
            return .expect(name, Pattern("\(kind)\(tag)\(rest)"), literal: literal)
        case .sendOctets(let name, _): return open[name] == nil || name == awaitsLiteral ? action : nil
        default: return action
        }
    }

    private mutating func sent(_ name: String, _ template: Template) -> Transcript.Action? {
        let verb = template.source.prefix { $0 != " " }
        awaitsLiteral = template.source.hasSuffix("}") ? name : nil
        // What has a tag already stays as it is; so does `ack`, which has no answer.
        if verb == "ack" || template.source.first == "#" { return .send(name, template) }
        guard Self.verbs.contains(String(verb)), open[name] == nil, verb != "pending" else { return nil }
        count += 1
        open[name] = "t\(count)"
        awaitsAnswer[name] = String(verb)
        return .send(name, Template("#t\(count) \(template.source)"))
    }
}
