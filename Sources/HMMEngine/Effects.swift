public import HMMProtocol

/// What an input caused: lines for connections, in one order for all of them, and signals to the transport.
///
/// Lines are bytes of one buffer cut into segments, so that a batch of requests of one connection leaves as one piece.
public struct Effects: ~Copyable {
    /// Consecutive bytes of `text` for one connection.
    public struct Segment: Equatable, Sendable {
        public let connection: ConnectionID
        public let range: Range<Int>
    }

    /// What the transport of a connection has to do, after the lines before it have been sent.
    public enum Signal: Equatable, Sendable {
        case close(ConnectionID, CloseReason)
        /// Stop reading from a client that asks more than it lets finish.
        case pauseReading(ConnectionID)
        case resumeReading(ConnectionID)
        /// Say `.drained` when everything sent so far has left: more of the connection's queue waits for that.
        case awaitDrain(ConnectionID)
        /// A client wants the tenant's recording in a file; `.recording` says what has come of it.
        case startRecording
        /// A client wants that file to end; the same.
        case stopRecording
    }

    public internal(set) var text = WireBuffer()
    public private(set) var signals: [Signal] = []
    private var starts: [(connection: ConnectionID, start: Int)] = []

    /// Counts since these effects were made; `removeAll` leaves them.
    public internal(set) var tally = Tally()

    public init() {}

    public var isEmpty: Bool { text.count == 0 && signals.isEmpty }

    public var segmentCount: Int { starts.count }

    public func segment(_ index: Int) -> Segment {
        let end = index + 1 < starts.count ? starts[index + 1].start : text.count
        return Segment(connection: starts[index].connection, range: starts[index].start..<end)
    }

    /// Forgets everything, keeping memory for the next batch.
    public mutating func removeAll() {
        text.removeAll()
        // What several bulk answers take stays: fresh pages for each would cost more than the copying.
        text.shrink(to: 4 << 20)
        starts.removeAll(keepingCapacity: true)
        signals.removeAll(keepingCapacity: true)
    }

    /// What is appended to `text` from now on is for `connection`.
    @inline(__always)
    mutating func address(_ connection: ConnectionID) {
        if let last = starts.last, last.connection == connection { return }
        starts.append((connection, text.count))
    }

    mutating func signal(_ signal: Signal) { signals.append(signal) }
}

/// What has happened, counted for people who watch over a server. Of all tenants whose effects came this way.
public struct Tally: Equatable, Sendable {
    /// Requests refused, and things that were no requests.
    public internal(set) var refused: [ErrorCode: UInt64] = [:]
    /// Mirrors that lost their subscription because their lease ran out, or because their device went.
    public internal(set) var fencedByLease: UInt64 = 0
    public internal(set) var fencedByDevice: UInt64 = 0
}

/// Why the engine closes a connection.
public enum CloseReason: String, Equatable, Sendable {
    /// The client said `quit`.
    case quit = "QUIT"
    /// The next request cannot be found in what the client sends.
    case framing = "FRAMING"
    /// The client goes on sending untagged requests although too many wait.
    case tooManyRequests = "REQUESTS"
    /// The client does not acknowledge its events.
    case tooManyEvents = "EVENTS"
    /// The server stops.
    case shutdown = "SHUTDOWN"
    /// The tenant has all the connections it may have.
    case limit = "LIMIT"
    /// The tenant's state has broken its rules; the next connection finds a new one.
    case internalError = "INTERNAL"
    /// What the client has shown no longer makes it what it was.
    case revoked = "REVOKED"
    /// The client has not said in time, or not well enough, who it is.
    case authentication = "AUTH"
    /// Whoever runs the server has ended the tenant.
    case dropped = "DROPPED"
}
