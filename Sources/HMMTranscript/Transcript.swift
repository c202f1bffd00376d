/// A conversation between clients and a server, written down: what each side says, in order, with remarks.
///
/// The same file is a test of the pure engine, a test over real connections, an example in the manual, a seed for
/// fuzzing and a bug report. `TranscriptParser` reads the text form; `TranscriptRun` carries it out.
public struct Transcript: Equatable, Sendable {
    /// What messages call the file.
    public var file: String
    public var steps: [Step]

    public init(file: String, steps: [Step]) {
        self.file = file
        self.steps = steps
    }

    /// One thing that happens.
    public struct Step: Equatable, Sendable {
        /// Line of the file, from 1.
        public var line: Int
        public var action: Action

        public init(line: Int, action: Action) {
            self.line = line
            self.action = action
        }
    }

    public enum Action: Equatable, Sendable {
        /// `; text`
        case remark(String)
        /// `;; text`
        case heading(String)
        /// `@connect P tenant=ci`
        case connect(String, tenant: String)
        /// `P> line`
        case send(String, Template)
        /// `P>| octets`, `P>|+ octets` and `@raw P "octets"`; the line end, if any, is among the octets.
        case sendOctets(String, [UInt8])
        /// `P< line`, with what `P<|` and `P<|+` say about the literal of that line.
        case expect(String, Pattern, literal: LiteralPattern?)
        /// `@quiet P A`
        case quiet([String])
        /// `@advance 1000ms`
        case advance(milliseconds: UInt64)
        /// `@cut P`
        case cut(String)
        /// `@eof P`
        case end(String)
    }

    /// What a literal has to be.
    public enum LiteralPattern: Equatable, Sendable {
        case exactly([UInt8])
        /// `P<| *`
        case anything
    }

    /// Names of the connections, in the order of first use.
    public var connectionNames: [String] {
        var names: [String] = []
        for name in steps.flatMap(\.action.connections) where !names.contains(name) { names.append(name) }
        return names
    }
}

extension Transcript.Action {
    /// The connections the action is about.
    var connections: [String] {
        switch self {
        case .remark, .heading, .advance: []
        case .connect(let name, _), .send(let name, _), .sendOctets(let name, _), .expect(let name, _, _),
            .cut(let name), .end(let name):
            [name]
        case .quiet(let names): names
        }
    }
}

/// A transcript did not go as written, or is not one.
public struct TranscriptFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public var file: String
    /// Line of the file, from 1.
    public var line: Int
    public var reason: String
    /// The expectation, as written.
    public var expected: String?
    /// What came instead.
    public var received: String?
    /// Bound names, `mm=2`, in the order of their names.
    public var bindings: [String]

    public init(
        file: String, line: Int, reason: String, expected: String? = nil, received: String? = nil,
        bindings: [String] = []
    ) {
        self.file = file
        self.line = line
        self.reason = reason
        self.expected = expected
        self.received = received
        self.bindings = bindings
    }

    public var description: String {
        var text = "\(file):\(line): \(reason)"
        if let expected { text += "\n  expected: \(expected)" }
        if let received { text += "\n  received: \(received)" }
        if !bindings.isEmpty { text += "\n  bindings: \(bindings.joined(separator: " "))" }
        return text
    }
}
