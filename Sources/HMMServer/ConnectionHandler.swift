internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS
internal import Logging
internal import NIOCore

/// One connection: TLS, request lines and the way to the tenant's engine, in a single handler.
///
/// One handler and not a pipeline of them, because decrypted bytes then stay in one buffer per loop from the TLS
/// library to the parser, and answers go from the engine's buffer straight into encryption.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Transport {
        case tls(CertificateFiles)
        /// A Unix socket or loopback.
        case plain(isReachableByBrowsers: Bool)
    }

    enum Phase {
        /// The peer has not yet shown who it is.
        case handshaking
        /// Requests are taken.
        case open
        /// Nothing more is taken or made, what is owed is on its way out.
        case closing
        case closed
    }

    let server: ServerContext
    let loop: LoopContext
    let transport: Transport
    var context: ChannelHandlerContext?
    /// Where the loop keeps this connection.
    var positionInLoop = 0

    var phase = Phase.handshaking
    /// Made when the first bytes come, so that who only connects costs little.
    var session: TLSSession?
    var reader: RequestReader
    var shard: TenantShard?
    var mailbox: Mailbox?

    // Input
    var held = HeldInput()
    /// The engine wants no requests at the moment.
    var isPaused = false
    /// The transport delivers bytes.
    var isReading = true
    var hasSeenCloseNotify = false
    var hasSeenEnd = false
    var hasHeardPlaintext = false
    /// Plaintext bytes taken since requests were last counted.
    var bytesSinceBatch = 0
    /// At least one request has been completed in this turn.
    var hasCompletedRequest = false
    /// Input is being worked off further up the stack.
    var isPumping = false

    // Output
    var needsFlush = false

    // Times in nanoseconds; 0 means that the time does not run.
    /// The end of the handshake, of waiting for the last answers, or of closing.
    var deadline: UInt64 = 0
    var lineStart: UInt64 = 0
    var lastHeard: UInt64 = 0

    init(_ transport: Transport, server: ServerContext, loop: LoopContext) {
        self.transport = transport
        self.server = server
        self.loop = loop
        reader = RequestReader(limits: server.limits)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        server.admission.leave()
    }

    func channelActive(context: ChannelHandlerContext) {
        loop.readClock()
        loop.add(self)
        lastHeard = loop.now.nanoseconds
        deadline = loop.now.nanoseconds + server.waits.handshake
        if case .plain = transport {
            enter(server.localTenant, as: .local)
            flush()
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        loop.readClock()
        lastHeard = loop.now.nanoseconds
        buffer.withUnsafeReadableBytes { bytes in
            switch phase {
            case .handshaking, .open: receive(bytes)
            case .closing, .closed: break
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { flush() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable, phase == .open, !isPumping else { return }
        loop.readClock()
        pump()
        flush()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        loop.readClock()
        hasSeenEnd = true
        switch phase {
        case .handshaking: abandon("ended during the handshake")
        case .open:
            if session != nil, !hasSeenCloseNotify {
                server.logger.debug("connection lost", metadata: ["peer": "\(peerName)"])
            }
            pump()
            flush()
        case .closing, .closed: break
        }
    }

    /// Other connections' requests have caused something for this one.
    func fetch() {
        guard phase == .open, let shard, let mailbox else { return }
        deliver(shard.fetch(mailbox))
        pump()
        flush()
    }

    /// The server stops.
    func stop() {
        if phase == .handshaking { abandon("the server stops") } else { finish() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { abandon("\(error)") }

    func channelInactive(context: ChannelHandlerContext) {
        loop.readClock()
        phase = .closed
        leave()
        loop.remove(self)
        context.fireChannelInactive()
    }
}
