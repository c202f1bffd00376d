/// A scenario of the oracle: operations that a real kernel carried out, one a line.
///
/// `Tests/Oracle/README.md` says what the language is and where the results come from. `OracleRun` carries it out.
public struct Scenario: Equatable, Sendable {
    public var steps: [Step]

    /// An operation and where it stands.
    public struct Step: Equatable, Sendable {
        /// Line of the file, from 1; comments and blank lines count.
        public var line: Int
        /// The first word of the line, which the result repeats.
        public var name: String
        public var operation: Operation

        public init(line: Int, name: String, operation: Operation) {
            self.line = line
            self.name = name
            self.operation = operation
        }
    }

    /// Parses `text`. A line that is no operation is a step, too: its result is `bad-operands`.
    public init(_ text: String) {
        steps = []
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let words = line.prefix { $0 != UInt8(ascii: "#") }.split(whereSeparator: Self.isBlank)
                .map { String(decoding: $0, as: UTF8.self) }
            guard let name = words.first else { continue }
            steps.append(Step(line: index + 1, name: name, operation: Operation(words)))
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 13 }
}
