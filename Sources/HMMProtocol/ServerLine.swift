/// One line of a server, decoded. For clients and tests; the server itself writes bytes and never makes these.
public enum ServerLine: Equatable, Sendable {
    /// The greeting: protocol major and what the server allows.
    case banner(version: Int, pairs: [Pair])
    /// News for people. Programs ignore notes they do not know.
    case note(text: String)
    /// The last line before the server closes.
    case bye(code: String, text: String)
    /// Part of an answer. A value that is a literal has its octets only once a `ServerLineReader` has attached them.
    case row(tag: Tag, pairs: [Pair])
    /// The last line of an answer to a request that was carried out.
    case success(tag: Tag, pairs: [Pair])
    /// The last line of an answer to a request that was refused. Code and errno are text: a server may know new ones.
    case failure(tag: Tag, code: String, errno: String, pairs: [Pair], text: String)
    /// A push, numbered without gaps per connection from 1.
    case event(number: UInt64, name: String, pairs: [Pair])

    /// A key and its value.
    public struct Pair: Equatable, Sendable {
        public var key: String
        public var value: Value

        public init(_ key: String, _ value: Value) {
            self.key = key
            self.value = value
        }
    }

    /// A value, in the form it was sent.
    public enum Value: Equatable, Sendable {
        case atom(String)
        /// What stood between quotes, escapes resolved.
        case quoted([UInt8])
        /// What `hex:` or `b64:` said.
        case blob([UInt8])
        /// So many octets follow the line; `octets` is empty until they have come.
        case literal(count: Int, octets: [UInt8])

        /// The value as octets, whatever its form.
        public var octets: [UInt8] {
            switch self {
            case .atom(let text): Array(text.utf8)
            case .quoted(let octets), .blob(let octets), .literal(_, let octets): octets
            }
        }

        /// The value as text; what is not UTF-8 is replaced.
        public var text: String { String(decoding: octets, as: UTF8.self) }

        /// An atom read as a number, decimal with an optional suffix or hexadecimal; nil if it is none or over 64 bits.
        public var number: UInt64? {
            guard case .atom(let text) = self else { return nil }
            let bytes = Array(text.utf8)
            return Values.number(bytes.span, bytes.indices)
        }
    }

    /// Parses `line`, given without its end.
    ///
    /// - Throws: what of the grammar it breaks, and where. A key nobody knows is no error.
    public init(_ line: Span<UInt8>) throws(ServerLineError) {
        var parser = ServerLineParser(line.count)
        self = try parser.parse(line)
    }

    /// As above, for tests and tools that hold text.
    public init(_ text: String) throws(ServerLineError) {
        let bytes = Array(text.utf8)
        self = try ServerLine(bytes.span)
    }

    /// The pairs of the line; none for notes and byes.
    public var pairs: [Pair] {
        switch self {
        case .banner(_, let pairs), .row(_, let pairs), .success(_, let pairs), .failure(_, _, _, let pairs, _),
            .event(_, _, let pairs):
            pairs
        case .note, .bye: []
        }
    }

    /// The tag of an answer line, `.none` on the untagged lane; nil for lines that are no part of an answer.
    public var tag: Tag? {
        switch self {
        case .row(let tag, _), .success(let tag, _), .failure(let tag, _, _, _, _): tag
        case .banner, .note, .bye, .event: nil
        }
    }

    /// Whether an answer ends with this line.
    public var endsAnswer: Bool {
        switch self {
        case .success, .failure: true
        case .banner, .note, .bye, .row, .event: false
        }
    }
}

extension [ServerLine.Pair] {
    /// The value of the first pair called `key`.
    public subscript(_ key: String) -> ServerLine.Value? { first { $0.key == key }?.value }
}

/// Why a line is not one of a server.
public struct ServerLineError: Error, Equatable, Sendable, CustomStringConvertible {
    public var reason: String
    /// Where, counted in bytes from 1.
    public var column: Int
    /// The line, as text, for people.
    public var line: String

    public var description: String { "\(reason) (column \(column) of \"\(line)\")" }
}
