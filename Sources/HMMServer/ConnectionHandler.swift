internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS
internal import Logging

/// One connection: TLS, request lines and the way to the tenant's engine, in a single class.
///
/// One class and not a pipeline of them, because decrypted bytes then stay in one buffer per loop from the TLS library
/// to the parser, and answers go from the engine's buffer straight into encryption and to the socket.
final class ConnectionHandler {
    enum Transport {
        case tls(CertificateFiles)
        /// A Unix socket or loopback.
        case plain(isReachableByBrowsers: Bool)

        /// Its clients have to show who they are.
        var hasStrangers: Bool { if case .tls = self { true } else { false } }
    }

    /// Who is at the other end, as far as the socket tells.
    struct Peer {
        var address: SocketAddress?
        var credentials: PeerCredentials?
    }

    enum Phase {
        /// The peer has not yet shown who it is.
        case handshaking
        /// The peer has shown nothing, and is asked for a token.
        case authenticating
        /// The token is being looked at.
        case checking
        /// Requests are taken.
        case open
        /// Nothing more is taken or made, what is owed is on its way out.
        case closing
        case closed
    }

    let server: ServerContext
    let loop: LoopContext
    let transport: Transport
    let socket: StreamSocket
    let address: AddressPrefix?
    /// For the log; kept, because a closed socket no longer knows.
    let peerName: String
    /// Where the loop keeps this connection.
    var positionInLoop = 0

    var phase = Phase.handshaking
    /// Made when the first bytes come, so that who only connects costs little.
    var session: TLSSession?
    var reader: RequestReader
    var shard: TenantShard?
    var mailbox: Mailbox?
    /// What the peer has shown, and what that made it.
    var evidence: Evidence
    var role = Role.observer
    /// It has not shown who it is.
    private(set) var isStranger: Bool
    var login: Login?

    // Input
    /// For the recording of the tenant.
    var unfinished = UnfinishedRequest()
    var held = HeldInput()
    /// The engine wants no requests at the moment.
    var isPaused = false
    /// The engine waits for the output to have left.
    var isDrainAwaited = false
    /// It is told so in the next turn.
    var isDrainPosted = false
    /// Bytes of input that its tenant's `buffers` have been told of.
    var bytesCounted = 0
    /// Others have their turn first.
    var isYielding = false
    /// The transport delivers bytes.
    var isReading = true
    var hasSeenCloseNotify = false
    var hasSeenEnd = false
    var hasHeardPlaintext = false
    /// Plaintext bytes taken since requests were last counted.
    var bytesSinceBatch = 0
    /// At least one request has been completed in this turn.
    var hasCompletedRequest = false
    /// What may still be spent on requests in this turn, see `LoopContext`.
    var allowance = 0
    /// Input is being worked off further up the stack.
    var isPumping = false

    // Times in nanoseconds; 0 means that the time does not run.
    /// The end of the handshake, of waiting for the last answers, or of closing.
    var deadline: UInt64 = 0
    var lineStart: UInt64 = 0
    var lastHeard: UInt64 = 0

    // For people who watch
    var opened: UInt64 = 0
    var bytesReceived: UInt64 = 0
    var bytesSent: UInt64 = 0
    /// Why it ends, once that is known.
    private(set) var end: ConnectionEnd?

    init(
        _ transport: Transport, _ socket: StreamSocket, from peer: Peer, server: ServerContext, loop: LoopContext
    ) {
        self.transport = transport
        isStranger = transport.hasStrangers
        evidence = peer.credentials.map { .peer($0) } ?? .local
        address = peer.address?.prefix
        peerName = peer.address?.description ?? "local"
        self.socket = socket
        self.server = server
        self.loop = loop
        reader = RequestReader(limits: server.limits)
    }

    // MARK: Socket events. Each ends with a flush, so that the loop's output is empty between connections.

    /// Begins to serve.
    func open() {
        loop.readClock()
        loop.add(self)
        loop.counters.accepted[route] += 1
        loop.counters.open[route] += 1
        opened = loop.now.nanoseconds
        lastHeard = loop.now.nanoseconds
        deadline = loop.now.nanoseconds + server.waits.handshake
        do throws(SystemError) {
            try socket.open(self)
        } catch {
            return transportClosed()
        }
        if case .plain = transport {
            admit(evidence, nil)
            flush()
        }
    }

    @inline(__always)
    func received(_ bytes: UnsafeRawBufferPointer) {
        loop.readClock()
        lastHeard = loop.now.nanoseconds
        bytesReceived &+= UInt64(bytes.count)
        loop.counters.received &+= UInt64(bytes.count)
        switch phase {
        case .handshaking, .authenticating, .open:
            receive(bytes)
            flushAll()
        case .checking: keepUntilChecked(bytes)
        case .closing, .closed: break
        }
    }

    /// The client reads again.
    func outputDrained() {
        loop.readClock()
        switch phase {
        case .open, .authenticating:
            guard !isPumping else { return }
            pump()
            flushAll()
        case .closing: closeOutput()
        case .handshaking, .checking, .closed: break
        }
    }

    func inputEnded() {
        loop.readClock()
        hasSeenEnd = true
        switch phase {
        case .handshaking:
            handshakeEnded(.abandoned)
            abandon("ended during the handshake", .handshake)
        case .checking:
            // A client that has no more to say still wants its answers, and not all of them end TLS before TCP.
            break
        case .open, .authenticating:
            if session != nil, !hasSeenCloseNotify {
                server.logger.debug("connection lost", metadata: ["peer": "\(peerName)"])
            }
            pump()
            flushAll()
        case .closing: if socket.unsent == 0 { socket.close() }
        case .closed: break
        }
    }

    func transportFailed(_ error: SystemError) {
        if phase == .handshaking { handshakeEnded(.abandoned) }
        abandon(error.description, .lost)
    }

    func transportClosed() {
        loop.readClock()
        phase = .closed
        leave()
        loop.remove(self)
        loop.counters.open[route] -= 1
        loop.counters.ended[end ?? .left] += 1
        server.admission.leave(from: address, asStranger: isStranger)
    }

    /// Other connections' requests have caused something for this one.
    func fetch() {
        guard phase == .open, let shard, let mailbox else { return }
        isYielding = false
        isDrainPosted = false
        deliver(shard.fetch(mailbox))
        pump()
        flushAll()
    }

    /// The server stops.
    func stop() {
        note(.stopped)
        if phase == .handshaking {
            handshakeEnded(.stopped)
            abandon("the server stops", .stopped)
        } else {
            finish()
        }
    }

    /// It has a tenant, and with that a place of its own.
    func endStrangeness() {
        guard isStranger else { return }
        isStranger = false
        server.admission.admit()
    }

    /// Says why the connection ends, unless that has been said.
    func note(_ reason: ConnectionEnd) { end = end ?? reason }

    var route: LoopCounters.Transport {
        switch transport {
        case .tls: .tls
        case .plain(let isReachableByBrowsers): isReachableByBrowsers ? .plain : .unix
        }
    }
}
