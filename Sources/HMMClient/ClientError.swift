public import HMMProtocol

/// Why a request or a connection failed.
public enum ClientError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The options contradict each other or cannot be used.
    case options(String)
    /// No connection, or what answered is no hmmd.
    case cannotConnect(String)
    /// The connection ended without a word, or in the middle of one.
    case connectionLost(String)
    /// The server said bye before it answered.
    case closed(code: String, text: String)
    /// The server refused the request.
    case refused(Refusal)
    /// The server sent a line that is not of the grammar.
    case malformed(ServerLineError)

    /// A `-` line.
    public struct Refusal: Equatable, Sendable {
        /// Stable; programs read it. `ErrorCode(rawValue:)` knows those of this version.
        public var code: String
        /// What to go by when the code is unknown, as in errno(3).
        public var errno: String
        public var pairs: [ServerLine.Pair]
        /// For people.
        public var text: String

        /// Milliseconds after which a retry makes sense.
        public var retryAfterMilliseconds: UInt64? { pairs["retry-after"]?.number }
    }

    public var description: String {
        switch self {
        case .options(let reason), .cannotConnect(let reason): reason
        case .connectionLost(let reason): "connection lost: \(reason)"
        case .closed(let code, let text):
            text.isEmpty ? "closed by the server: \(code)" : "closed by the server: \(code): \(text)"
        case .refused(let refusal): "\(refusal.code) \(refusal.errno): \(refusal.text)"
        case .malformed(let error): "not a line of a server: \(error)"
        }
    }
}
