public import HMMProtocol

/// What a request that was carried out gave.
public struct Answer: Equatable, Sendable {
    /// The pairs of each `=` line, in order; a literal has its octets.
    public var rows: [[ServerLine.Pair]]
    /// The pairs of the `+` line.
    public var pairs: [ServerLine.Pair]

    public init(rows: [[ServerLine.Pair]] = [], pairs: [ServerLine.Pair] = []) {
        self.rows = rows
        self.pairs = pairs
    }

    /// The value of `key` in the `+` line.
    public subscript(_ key: String) -> ServerLine.Value? { pairs[key] }
}

/// A push of the server. An `inval` wants an `ack`.
public struct Event: Equatable, Sendable {
    public var number: UInt64
    public var name: String
    public var pairs: [ServerLine.Pair]

    /// The value of `key`.
    public subscript(_ key: String) -> ServerLine.Value? { pairs[key] }
}
