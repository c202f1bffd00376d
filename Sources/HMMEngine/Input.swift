public import HMMMemory
public import HMMProtocol

/// A point in time, in nanoseconds since any fixed start. The engine never reads a clock: the caller tells it.
public struct Instant: Hashable, Sendable, Comparable {
    public var nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }

    func advanced(byMilliseconds milliseconds: UInt64) -> Instant {
        Instant(nanoseconds: nanoseconds &+ milliseconds &* 1_000_000)
    }

    /// Whole milliseconds until `later`, rounded up; 0 when it has passed.
    func milliseconds(until later: Instant) -> UInt64 {
        later <= self ? 0 : (later.nanoseconds - nanoseconds + 999_999) / 1_000_000
    }
}

/// The number of a connection within its tenant: ascending from 1, never used again.
public struct ConnectionID: Identifier {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// Who a connection is, as its transport proved.
public struct Principal: Equatable, Sendable {
    public enum Authentication: String, Sendable {
        /// The client certificate named the tenant.
        case mutualTLS = "mtls"
        /// The client showed a token of the tenant.
        case token
        /// A Unix socket whose kernel told which user's process the peer is.
        case peer
        /// TLS without a client certificate, where the server lets such clients in.
        case none
        /// A Unix socket or plain loopback, where whoever can connect is trusted.
        case local
    }

    public var tenant: ShortName
    public var authentication: Authentication
    /// What it may do within its tenant.
    public var role: Role

    public init(tenant: ShortName, authentication: Authentication, role: Role = .admin) {
        self.tenant = tenant
        self.authentication = authentication
        self.role = role
    }
}

/// Everything that can happen to a tenant. Equal inputs at equal times give equal effects, byte for byte.
public enum Input: Equatable, Sendable {
    case connected(ConnectionID, Principal)
    case request(ConnectionID, Tag, Request)
    /// The connection sent something that is no request; `closes` when its framing is lost.
    case refused(ConnectionID, Tag, Failure, closes: Bool)
    /// Everything sent to the connection before the signal `awaitDrain` has left.
    case drained(ConnectionID)
    /// Whoever runs the server ends the connection.
    case close(ConnectionID, CloseReason)
    /// The transport is gone, for whatever reason.
    case disconnected(ConnectionID)
    /// Another policy holds from now on. What is over a bound by then stays; nothing more is given.
    case policy(TenantPolicy)
    /// News of the tenant's recording.
    case recording(RecordingNews)
    /// So many bytes wait for the tenant's clients to read. Told where the quota bounds them.
    case unsent(UInt64)
    /// The server is about to stop: tell every connection.
    case drain
    /// `nextDeadline` has come.
    case tick
    /// Time for a look at the state, if it is small enough for that to take little.
    case inspect
}
