internal import Glibc
public import HMMProtocol
public import HMMTLS
internal import NIOCore
internal import NIOPosix

/// A connection as a stream of lines: octets go out as given, lines come in one order. `Connection` builds requests
/// and answers on it. One task reads; any may send.
public final class LineConnection: Sendable {
    /// What a wait for lines gave.
    public enum Batch: Equatable, Sendable {
        /// At least one line.
        case lines([ServerLineReader.Item])
        /// The server has closed in an orderly way.
        case ended
        /// The time was over.
        case nothing
    }

    private let channel: any Channel
    private let inbox: LineInbox
    /// The first line of the server.
    public let greeting: ServerLineReader.Item

    private init(channel: any Channel, inbox: LineInbox, greeting: ServerLineReader.Item) {
        self.channel = channel
        self.inbox = inbox
        self.greeting = greeting
    }

    deinit { channel.close(promise: nil) }

    /// Connects, waits for the greeting, and shows the token if there is one.
    ///
    /// - Parameter context: `options.makeContext()`, when many connections share one; nil makes it here.
    /// - Throws: `options`, or `cannotConnect` with the reason, a refused certificate or token included.
    public static func connect(
        _ options: ConnectionOptions, context: TLSContext? = nil
    ) async throws(ClientError) -> LineConnection {
        let context = if let context { Optional(context) } else { try options.makeContext() }
        let deadline = NIODeadline.now() + .milliseconds(options.connectMilliseconds)
        let inbox = LineInbox()
        let channel: any Channel
        do {
            channel = try await open(options, context, inbox)
        } catch {
            throw .cannotConnect("\(options.endpoint): \(reason(error))")
        }
        do {
            let batch = try await inbox.take(until: deadline, on: channel.eventLoop) {}
            guard case .lines(let items) = batch, let greeting = items.first else {
                throw ClientError.cannotConnect("no greeting came")
            }
            if case .bye(let code, let text) = greeting.line { throw ClientError.closed(code: code, text: text) }
            guard case .banner(1, _) = greeting.line else {
                throw ClientError.cannotConnect("not a server of protocol version 1: \(greeting.text)")
            }
            // Lines that came with the greeting are for the reader.
            inbox.putBack(Array(items.dropFirst()))
            let connection = LineConnection(channel: channel, inbox: inbox, greeting: greeting)
            try await connection.logIn(options, until: deadline)
            return connection
        } catch {
            channel.close(promise: nil)
            // Nothing is lost that was not there yet.
            let reason = if case ClientError.connectionLost(let reason) = error { reason } else { "\(error)" }
            throw .cannotConnect("\(options.endpoint): \(reason)")
        }
    }

    /// Says who we are to a server that has not learnt it from a certificate.
    private func logIn(_ options: ConnectionOptions, until deadline: NIODeadline) async throws {
        guard let login = try options.login(after: greeting.line) else { return }
        try await send(line: login.line, literal: login.literal)
        while case .lines(let items) = try await inbox.take(
            until: deadline, on: channel.eventLoop, resume: resumeReading)
        {
            guard let end = items.firstIndex(where: { $0.line.endsAnswer }) else { continue }
            if case .failure(_, let code, let errno, let pairs, let text) = items[end].line {
                throw ClientError.refused(.init(code: code, errno: errno, pairs: pairs, text: text))
            }
            return inbox.putBack(Array(items[(end + 1)...]))
        }
        throw ClientError.cannotConnect("no answer to the token came")
    }

    private func resumeReading() { channel.setOption(.autoRead, value: true).whenFailure { _ in } }

    private static func open(
        _ options: ConnectionOptions, _ context: TLSContext?, _ inbox: LineInbox
    ) async throws -> any Channel {
        let name = options.expectedName
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.milliseconds(options.connectMilliseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        let session = try TLSSession(client: context, serverName: name)
                        try channel.pipeline.syncOperations.addHandler(TLSHandler(session))
                    }
                    try channel.pipeline.syncOperations.addHandler(LineHandler(inbox: inbox, isPlain: context == nil))
                }
            }
        return switch options.endpoint {
        case .tls(let host, let port), .plain(let host, let port):
            try await bootstrap.connect(host: host, port: port).get()
        case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path).get()
        }
    }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? NIOConnectionError {
            return error.connectionErrors.last.map { reason($0.error) } ?? "\(error.host) is not known"
        }
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return "\(error)"
    }

    /// Sends octets as they are; returns when the system has taken them.
    ///
    /// - Throws: `connectionLost`.
    public func send(_ octets: [UInt8]) async throws(ClientError) {
        do {
            try await channel.writeAndFlush(channel.allocator.buffer(bytes: octets))
        } catch {
            throw .connectionLost("\(Self.reason(error))")
        }
    }

    /// Sends a line, given without its end, and the octets of a literal that it announces.
    public func send(line: String, literal: [UInt8]? = nil) async throws(ClientError) {
        try await send(Array(line.utf8) + [10] + (literal.map { $0 + [10] } ?? []))
    }

    /// Sends a line without waiting; calls keep their order. `failed` hears if it cannot be sent.
    func post(line: String, literal: [UInt8]?, failed: @escaping @Sendable (ClientError) -> Void) {
        let octets = Array(line.utf8) + [10] + (literal.map { $0 + [10] } ?? [])
        channel.writeAndFlush(channel.allocator.buffer(bytes: octets)).whenFailure { error in
            failed(.connectionLost(Self.reason(error)))
        }
    }

    /// All lines that have come, or the first that come.
    ///
    /// - Parameter milliseconds: how long to wait; nil for ever. A cancelled task gets `nothing` at once.
    /// - Throws: `connectionLost` or `malformed`, after the lines before it.
    public func receive(within milliseconds: Int64? = nil) async throws(ClientError) -> Batch {
        let deadline = milliseconds.map { NIODeadline.now() + .milliseconds($0) }
        do {
            let batch = try await inbox.take(until: deadline, on: channel.eventLoop, resume: resumeReading)
            return switch batch {
            case .lines(let items): .lines(items)
            case .ended: .ended
            case .nothing: .nothing
            }
        } catch {
            throw error as? ClientError ?? .connectionLost("\(error)")
        }
    }

    /// Closes, with a TLS goodbye. Nothing of the protocol is said: `quit` is the caller's.
    public func close() async { try? await channel.close() }

    /// Drops the transport without a goodbye, as a machine that loses power: what the server still says is refused.
    public func abort() async {
        if let socket = channel as? any SocketOptionProvider {
            try? await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try? await channel.triggerUserOutboundEvent(TransportEvent.abort).get()
        try? await channel.close()
    }
}
