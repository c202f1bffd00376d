import Testing

@testable import HMMProtocol

@Suite("Verbs of another table, in the same grammar")
struct VocabularyTests {
    private static let vocabulary = Vocabulary(
        [
            VerbSpec("look", .session, "Look."),
            VerbSpec(
                "throw", .session, "Throw.",
                arguments: [
                    .init("whom", .name, .required, "whom"), .init("far", .number, .optional, "how far"),
                    .init("id", .id, .optional, "which"),
                ]),
        ], limits: Limits())

    /// A line as text: what was read, for comparison.
    private func read(_ line: String) -> String {
        switch Self.vocabulary.read(Array(line.utf8)) {
        case .nothing: "nothing"
        case .command(let command):
            "\(command.number) tag=\(command.tag) name=\(command.name) \(command.number(at: 1).map(String.init) ?? "-") "
                + "\(command.number(at: 2).map(String.init) ?? "-")"
        case .failure(let tag, let failure, let closes): "\(tag)!\(failure.code.rawValue)\(closes ? " closes" : "")"
        }
    }

    @Test(
        "Lines and what they mean",
        arguments: [
            ("", "nothing"), ("; a remark", "nothing"), ("look", "0 tag= name= - -"),
            ("look\r", "0 tag= name= - -"), ("#a1 throw ball", "1 tag=a1 name=ball - -"),
            ("throw ball 4k id=7", "1 tag= name=ball 4096 7"), ("throw far=1 whom=x", "1 tag= name=x 1 -"),
            ("#t throw", "t!MISSING"), ("throw Ball", "!BADARG"), ("throw ball id=0", "!BADARG"),
            ("throw ball far=1 far=2", "!BADARG"), ("throw ball 1 2 3", "!BADARG"), ("look twice", "!BADARG"),
            ("ping", "!NOVERB"), ("Look", "!SYNTAX"), ("look\u{0}", "!SYNTAX"), ("throw \"ball\"", "!BADARG"),
            ("throw {5}", "!BADARG closes"), ("throw {x", "!SYNTAX closes"), ("GET / HTTP/1.1", "!SYNTAX closes"),
        ])
    func lines(_ line: String, _ expected: String) { #expect(read(line) == expected) }

    @Test("A line is as long as one of the protocol may be, and no longer")
    func bound() {
        let most = Limits().line - 1
        #expect(read(";" + String(repeating: "a", count: most - 1)) == "nothing")
        #expect(read(";" + String(repeating: "a", count: most)) == "!TOOLONG closes")
    }
}
