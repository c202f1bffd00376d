public import HMMProtocol

/// What a server said to one request.
public enum OracleAnswer: Equatable, Sendable {
    /// Pairs of each `=` line, in order, and of the `+` line.
    case done(rows: [[ServerLine.Pair]], pairs: [ServerLine.Pair])
    /// A `-` line. Its errno is the outcome of an operation.
    case refused(code: String, errno: String)
}

/// Puts the lines of a server together into answers. Greetings, notes and events are passed over.
public struct OracleAnswers: Sendable {
    private var rows: [[ServerLine.Pair]] = []

    public init() {}

    /// Returns the answer that `line` completes.
    public mutating func take(_ line: ServerLine) -> OracleAnswer? {
        switch line {
        case .row(_, let pairs):
            rows.append(pairs)
            return nil
        case .success(_, let pairs):
            defer { rows = [] }
            return .done(rows: rows, pairs: pairs)
        case .failure(_, let code, let errno, _, _):
            rows = []
            return .refused(code: code, errno: errno)
        case .banner, .note, .bye, .event: return nil
        }
    }
}

/// A scenario could not be carried out: the server does not do what every scenario needs, or its answer says less than
/// the results do.
public struct OracleFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Line of the scenario; nil for what each scenario begins or ends with.
    public var line: Int?
    public var request: String
    public var reason: String

    public init(line: Int? = nil, request: String, reason: String) {
        self.line = line
        self.request = request
        self.reason = reason
    }

    public var description: String { "\(line.map { "line \($0): " } ?? "")\(request): \(reason)" }
}
