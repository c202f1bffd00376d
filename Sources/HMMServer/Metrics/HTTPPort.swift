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
        static let misdirected = Answer(
            status: .misdirectedRequest, body: "ask for an address or for localhost: this port is for this machine\n")
        static let tooLarge = Answer(status: .requestHeaderFieldsTooLarge, body: "at most \(requestBytes) bytes\n")
    }

    static let connectionBound = 16
    static let requestBytes = 8192
    static let life = TimeAmount.seconds(10)
    /// Bytes that are read after the answer, and thrown away.
    private static let rest = 1 << 20

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
            // Who has asked everything may say so and still read the answer: `printf 'GET …' | ncat …`.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
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
            let end = child.eventLoop.scheduleTask(in: life) { child.close(promise: nil) }
            child.closeFuture.whenComplete { _ in end.cancel() }
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderListSize = requestBytes
            limits.maxHeaderFieldSize = requestBytes
            try child.pipeline.syncOperations.addHandler(HeadBound(requestBytes))
            // One request is answered, at its head; what is wrong with it is answered here, too.
            try child.pipeline.syncOperations.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withEncoderConfiguration: .init(),
                withDecoderLimitConfiguration: limits)
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: child, configuration: .init(isOutboundHalfClosureEnabled: true))
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
            if isAdmitted { try await converse(input, output, isLoopback: child.channel.isLoopback, answer) }
        }
    }

    /// Answers as soon as the head is there: whoever waits to be asked for a body has the answer instead.
    private static func converse(
        _ input: NIOAsyncChannelInboundStream<HTTPServerRequestPart>,
        _ output: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, isLoopback: Bool,
        _ answer: @Sendable (String) async -> Answer
    ) async throws {
        var parts = input.makeAsyncIterator()
        let given: Answer
        var isHead = false
        do {
            guard case .head(let head)? = try await parts.next() else { return }
            isHead = head.method == .HEAD
            given = isLoopback && namesStranger(head) ? .misdirected : await judge(head, answer)
        } catch HTTPParserError.headerOverflow {
            given = .tooLarge
        } catch is HTTPParserError {
            given = .bad
        }
        try await output.write(contentsOf: Self.parts(given, isHead: isHead))
        output.finish()
        // What is on its way has to be read, or the kernel takes the answer back.
        var rest = rest
        while rest > 0, let part = try await parts.next() {
            if case .body(let bytes) = part { rest -= bytes.readableBytes }
        }
    }

    /// A web page can have its own name lead to this machine, and its visitor's browser then lets it read the answers.
    private static func namesStranger(_ head: HTTPRequestHead) -> Bool {
        head.headers["Host"].contains { value in
            let host = value.hasPrefix("[") ? value.dropFirst().prefix { $0 != "]" } : value.prefix { $0 != ":" }
            if host.lowercased() == "localhost" { return false }
            var address = in6_addr()
            return inet_pton(AF_INET, String(host), &address) != 1 && inet_pton(AF_INET6, String(host), &address) != 1
        }
    }

    private static func judge(_ head: HTTPRequestHead, _ answer: @Sendable (String) async -> Answer) async -> Answer {
        guard head.method == .GET || head.method == .HEAD else { return .notAllowed }
        // Nothing here takes a body.
        let hasBody =
            head.headers.contains(name: "Transfer-Encoding")
            || head.headers["Content-Length"].contains { $0 != "0" }
        if hasBody || head.version.major != 1 { return .bad }
        return await answer(String(head.uri.prefix { $0 != "?" }))
    }

    private static func parts(_ answer: Answer, isHead: Bool) -> [HTTPServerResponsePart] {
        var head = HTTPResponseHead(version: .http1_1, status: answer.status)
        head.headers.add(name: "Content-Type", value: answer.contentType)
        head.headers.add(name: "Content-Length", value: "\(answer.body.utf8.count)")
        head.headers.add(name: "Connection", value: "close")
        if let allow = answer.allow { head.headers.add(name: "Allow", value: allow) }
        let body = isHead ? [] : [HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: answer.body)))]
        return [.head(head)] + body + [.end(nil)]
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

/// Lets so many bytes through until a head has come, and takes what comes after that as one head too long.
private final class HeadBound: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var left: Int

    init(_ bound: Int) { left = bound }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard left > 0 else { return }
        left -= unwrapInboundIn(data).readableBytes
        if left < 0 { return context.fireErrorCaught(HTTPParserError.headerOverflow) }
        context.fireChannelRead(data)
    }
}

extension Channel {
    /// The other end is on this machine, and came by an address that no other has.
    fileprivate var isLoopback: Bool {
        let address = localAddress?.ipAddress ?? ""
        return address == "::1" || address.hasPrefix("127.")
    }
}
