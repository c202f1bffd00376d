internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// A small HTTP/1 server for whoever watches: a connection asks one thing, is answered and closed.
///
/// Everything about it is bounded: connections at one time, bytes of a request, the life of a connection.
final class HTTPPort: Sendable {
    struct Answer: Sendable {
        var status: HTTPResponseStatus
        var contentType = "text/plain; charset=utf-8"
        var body: String
        var allow: String?

        static let notFound = Answer(status: .notFound, body: "/metrics, /livez or /readyz\n")
        static let notAllowed = Answer(status: .methodNotAllowed, body: "GET or HEAD\n", allow: "GET, HEAD")
        static let bad = Answer(status: .badRequest, body: "a request of this kind is not taken here\n")
    }

    static let connectionBound = 16
    static let requestBytes = 8192
    static let life = TimeAmount.seconds(10)

    private typealias Child = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    let address: HostPort?
    private let task: Task<Void, Never>

    /// Listens on one of `place`'s addresses. `answer` is asked with the path alone.
    ///
    /// - Throws: `ListenError`.
    init(
        _ place: WatchPlace, on group: any EventLoopGroup, answer: @escaping @Sendable (String) async -> Answer
    ) async throws {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 16)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        let listener: NIOAsyncChannel<Child, Never>
        do {
            switch place {
            case .address(let address):
                listener = try await bootstrap.bind(
                    host: address.host, port: Int(address.port), childChannelInitializer: Self.prepare)
            case .inherited(let descriptor):
                listener = try await bootstrap.bind(descriptor, childChannelInitializer: Self.prepare)
            }
        } catch {
            throw ListenError.unavailable(
                "\(place)", reason: (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)")
        }
        address = listener.channel.localAddress.flatMap { address in
            guard let host = address.ipAddress, let port = address.port else { return nil }
            return HostPort(host: host, port: UInt16(clamping: port))
        }
        task = Task { await Self.serve(listener, answer) }
    }

    func close() async {
        task.cancel()
        await task.value
    }

    private static let prepare: @Sendable (any Channel) -> EventLoopFuture<Child> = { child in
        child.eventLoop.makeCompletedFuture {
            // No answer takes so long, and nobody keeps a place by saying little.
            child.eventLoop.scheduleTask(in: life) { child.close(promise: nil) }
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderListSize = requestBytes
            limits.maxHeaderFieldSize = requestBytes
            try child.pipeline.syncOperations.addHandler(ByteBound(requestBytes))
            try child.pipeline.syncOperations.configureHTTPServerPipeline(
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
            return try NIOAsyncChannel(wrappingChannelSynchronously: child)
        }
    }

    private static func serve(
        _ listener: NIOAsyncChannel<Child, Never>, _ answer: @escaping @Sendable (String) async -> Answer
    ) async {
        let places = Places(connectionBound)
        try? await listener.executeThenClose { children in
            try await withThrowingDiscardingTaskGroup { group in
                for try await child in children {
                    group.addTask { await serve(child, places, answer) }
                }
            }
        }
    }

    /// A connection, from its beginning to its end.
    private static func serve(
        _ child: Child, _ places: Places, _ answer: @escaping @Sendable (String) async -> Answer
    ) async {
        let isAdmitted = places.enter()
        defer { if isAdmitted { places.leave() } }
        try? await child.executeThenClose { input, output in
            if isAdmitted { try await converse(input, output, answer) }
        }
    }

    private static func converse(
        _ input: NIOAsyncChannelInboundStream<HTTPServerRequestPart>,
        _ output: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>,
        _ answer: @Sendable (String) async -> Answer
    ) async throws {
        var head: HTTPRequestHead?
        for try await part in input {
            switch part {
            case .head(let received): head = received
            // Nothing here takes a body.
            case .body: return try await write(.bad, isHead: false, output)
            case .end:
                guard let head else { return }
                let given: Answer
                if head.method == .GET || head.method == .HEAD {
                    given = await answer(String(head.uri.prefix { $0 != "?" }))
                } else {
                    given = .notAllowed
                }
                return try await write(given, isHead: head.method == .HEAD, output)
            }
        }
    }

    private static func write(
        _ answer: Answer, isHead: Bool, _ output: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    ) async throws {
        var head = HTTPResponseHead(version: .http1_1, status: answer.status)
        head.headers.add(name: "Content-Type", value: answer.contentType)
        head.headers.add(name: "Content-Length", value: "\(answer.body.utf8.count)")
        head.headers.add(name: "Connection", value: "close")
        if let allow = answer.allow { head.headers.add(name: "Allow", value: allow) }
        var parts: [HTTPServerResponsePart] = [.head(head)]
        if !isHead { parts.append(.body(.byteBuffer(ByteBuffer(string: answer.body)))) }
        try await output.write(contentsOf: parts + [.end(nil)])
    }
}

/// Where people who watch are listened for.
enum WatchPlace: CustomStringConvertible, Sendable {
    case address(HostPort)
    /// A socket that whoever started us has bound.
    case inherited(Int32)

    var description: String {
        switch self {
        case .address(let address): "\(address)"
        case .inherited: "the inherited socket"
        }
    }
}

/// Closes a connection that has sent more than so many bytes.
private final class ByteBound: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var left: Int

    init(_ bound: Int) { left = bound }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        left -= unwrapInboundIn(data).readableBytes
        if left < 0 { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }
}
