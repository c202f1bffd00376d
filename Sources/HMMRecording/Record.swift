public import HMMEngine
internal import HMMProtocol

/// One record: something that happened to a tenant, when, and what came of it.
public struct Record: Equatable, Sendable {
    /// From 1.
    public var number: UInt64
    /// Where it begins in the file.
    public var offset: Int
    public var time: Instant
    public var event: Event
    /// Bytes that the engine said.
    public var outputLength: UInt64
    /// Of all it caused; see `Effects.digest`.
    public var digest: UInt64
    /// What it said, if the recording holds that.
    public var output: [Piece]?

    /// Bytes for one connection.
    public struct Piece: Equatable, Sendable {
        public var connection: ConnectionID
        public var bytes: [UInt8]

        public init(connection: ConnectionID, bytes: [UInt8]) {
            self.connection = connection
            self.bytes = bytes
        }
    }

    public enum Event: Equatable, Sendable {
        case input(Input)
        /// Whole requests of one connection as it sent them, one after the other: line by line, literals included.
        case requests(ConnectionID, [UInt8])
        /// Nothing follows. A recording without it was cut off.
        case end(RecordingEnd)
    }
}

/// What the first byte of a record says. The high bit says that the output is there.
enum RecordKind: UInt8 {
    case requests = 1
    case connected = 2
    case disconnected = 3
    case refused = 4
    case drained = 5
    case drain = 6
    case tick = 7
    case policy = 8
    case inspect = 9
    case end = 10
    case close = 11
    case recording = 12
    case unsent = 13

    static let withOutput: UInt8 = 0x80
    /// Longest record without its eight bytes of length and checksum; a longer one is damage. Far more than one run of
    /// an engine can take and say.
    static let longest = 1 << 26
}
