public import HMMEngine
public import HMMProtocol
public import HMMTLS
public import Logging

/// What a server listens on, whom it lets in, and how long it waits.
public struct ServerConfiguration: Sendable {
    /// The listener that speaks TLS from the first byte.
    public struct TLS: Sendable {
        public var address: HostPort
        /// PEM: the certificate, followed by its intermediates.
        public var certificateFile: String
        public var keyFile: String
        /// PEM: who may sign clients' certificates. Required unless `verification` is `.off`.
        public var clientCAFile: String?
        /// PEM: which clients' certificates have been revoked. With it, every authority needs a list in it.
        public var revocationFile: String?
        public var verification = PeerVerification.required
        public var minimumVersion = MinimumTLSVersion.tls13
        /// Refuse clients that offer no application protocol; such as offer another one are refused anyway.
        public var requireALPN = false
        /// The tenant of clients without a certificate. Nil refuses them, unless they can show a token.
        public var anonymousTenant: ShortName?

        public init(address: HostPort, certificateFile: String, keyFile: String, clientCAFile: String?) {
            self.address = address
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.clientCAFile = clientCAFile
        }
    }

    /// A listener for whoever the file's mode lets in.
    public struct UnixSocket: Sendable {
        public var path: String
        /// Permission bits of the socket's file.
        public var mode: UInt32 = 0o600

        public init(path: String) { self.path = path }
    }

    /// How much of persistent tenants may stay while they have no connection. Past it the one goes first that takes
    /// most, and of equals the one that has been alone for longest.
    public struct Kept: Sendable {
        public var tenants = 64
        /// Of page frames, of all of them together.
        public var bytes: UInt64 = 4 << 30

        public init() {}
    }

    /// How long the server waits, and for what. Looked at once a second, so that much may be added.
    public struct Patience: Sendable {
        /// From the connection to the end of the TLS handshake.
        public var handshake = Duration.seconds(10)
        /// From the first byte of a request to its last.
        public var line = Duration.seconds(30)
        /// Without a byte from the client; zero means for ever.
        public var idle = Duration.zero
        /// Without a sign from the client's machine, or of room there for what is to be sent; zero means for as long as
        /// the kernel's settings say.
        public var unreachable = Duration.seconds(120)
        /// For the next answer to requests that still wait when the client has ended its side, and for the client to
        /// read the last of them.
        public var linger = Duration.seconds(30)
        /// For clients to leave after they have been told that the server stops.
        public var drain = Duration.seconds(5)

        public init() {}
    }

    public var tls: TLS?
    public var unixSocket: UnixSocket?
    /// A port of 127.0.0.1 without TLS; 0 means any free one.
    public var plainLoopbackPort: UInt16?
    /// The tenant of clients on the Unix socket and on plain loopback.
    public var localTenant: ShortName
    public var limits = Limits()
    /// What every tenant has to do without.
    public var restrictions = Restrictions()
    /// What each tenant is given, and which there may be.
    public var tenants = TenantTable()
    /// Who clients are by what they show.
    public var identities = IdentityRules()
    /// Event loops, each with a thread.
    public var loops: Int
    /// Nanoseconds an event loop goes on polling after its last event before it sleeps: answers come sooner, a
    /// processor is kept busy.
    public var busyPollNanoseconds: UInt64 = 0
    /// Connections of all tenants together; further ones are closed at once.
    public var maxConnections = 20_000
    /// Connections from one address over TCP; nil means that there is no such bound.
    public var maxConnectionsPerAddress: Int?
    /// Bytes that wait in the server for all connections, of input and of output. Past it connections are closed that
    /// have more than their share.
    public var maxBuffered: UInt64 = 1 << 30
    /// Tenants at one time, those without a connection included.
    public var maxTenants = 4096
    public var kept = Kept()
    public var patience = Patience()
    /// What is worth a line of the log; nil when nothing is said.
    public var logLevel: Logger.Level?
    /// Where and how every tenant is recorded; nil when none is.
    public var recording: RecordingPolicy?
    /// Where metrics and health can be read over HTTP, without TLS; nil means nowhere.
    public var metrics: HostPort?
    /// The Unix socket of the operator, for this user alone; nil means none.
    public var admin: String?

    /// A server that listens nowhere yet.
    public init(localTenant: ShortName) {
        self.localTenant = localTenant
        loops = Processors.available
    }
}
