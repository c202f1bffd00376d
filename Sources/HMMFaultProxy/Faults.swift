/// What happens to the bytes of one direction of a connection. Without any of it they are passed on as they come.
public struct Faults: Equatable, Sendable {
    /// Bytes arrive so much later, in their order.
    public var latencyMilliseconds: Int64 = 0
    /// Most bytes that are sent in one piece; nil for as they come.
    public var segmentBytes: Int?
    /// Most bytes a second, in pieces of a hundredth of it.
    public var bytesPerSecond: Int?
    /// What becomes of the connection, and after how many bytes of this direction.
    public var ending: Ending?

    /// What a network does to a connection that it does not carry any more.
    public enum Kind: String, CaseIterable, Equatable, Sendable {
        /// Both sides see a reset, at once.
        case cut
        /// Nothing more of this direction is taken from the sender, whose buffers fill; the other one goes on.
        case stall
        /// Nothing more goes either way, what is sent is swallowed, and no side learns that the other has closed.
        case halfOpen = "half-open"
    }

    public struct Ending: Equatable, Sendable {
        public var kind: Kind
        /// So many bytes still arrive.
        public var afterBytes: Int

        public init(_ kind: Kind, afterBytes: Int = 0) {
            self.kind = kind
            self.afterBytes = afterBytes
        }
    }

    public init() {}
}

/// The two directions of a connection through the proxy.
public struct Directions: Equatable, Sendable {
    /// What clients send.
    public var client = Faults()
    /// What the server sends.
    public var server = Faults()

    public init(client: Faults = Faults(), server: Faults = Faults()) {
        self.client = client
        self.server = server
    }
}
