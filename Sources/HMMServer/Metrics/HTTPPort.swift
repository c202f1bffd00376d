internal import Glibc
internal import NIOCore
internal import NIOPosix

/// A small HTTP/1 server for whoever watches: a connection asks one thing, is answered and closed.
///
/// Everything about it is bounded: connections at one time, bytes of a request, the life of a connection.
final class HTTPPort: Sendable {
    struct Answer: Sendable {
        enum Status: String {
            case ok = "200 OK"
            case bad = "400 Bad Request"
            case notFound = "404 Not Found"
            case notAllowed = "405 Method Not Allowed"
            case tooLarge = "431 Request Header Fields Too Large"
            case unavailable = "503 Service Unavailable"
        }

        var status: Status
        var contentType = "text/plain; charset=utf-8"
        var body: String
        var allow: String?

        static let notFound = Answer(status: .notFound, body: "/metrics, /livez or /readyz\n")
        static let notAllowed = Answer(status: .notAllowed, body: "GET or HEAD\n", allow: "GET, HEAD")
        static let bad = Answer(status: .bad, body: "a request of this kind is not taken here\n")
        static let tooLarge = Answer(status: .tooLarge, body: "at most \(HTTPRequest.bound) bytes\n")

        func text(isHead: Bool) -> String {
            "HTTP/1.1 \(status.rawValue)\r\nContent-Type: \(contentType)\r\nContent-Length: \(body.utf8.count)\r\n"
                + (allow.map { "Allow: \($0)\r\n" } ?? "") + "Connection: close\r\n\r\n" + (isHead ? "" : body)
        }
    }

    static let connectionBound = 16
    static let life = TimeAmount.seconds(10)
    /// Bytes that are read after the answer, and thrown away.
    private static let rest = 1 << 20

    private typealias Child = NIOAsyncChannel<ByteBuffer, ByteBuffer>

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
            child.eventLoop.scheduleTask(in: life) { child.close(promise: nil) }
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
            if isAdmitted { try await converse(input, output, answer) }
        }
    }

    /// Answers as soon as the head is there: whoever waits to be asked for a body has the answer instead.
    private static func converse(
        _ input: NIOAsyncChannelInboundStream<ByteBuffer>, _ output: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        _ answer: @Sendable (String) async -> Answer
    ) async throws {
        var bytes: [UInt8] = []
        var pieces = input.makeAsyncIterator()
        while HTTPRequest.head(of: bytes) == nil, bytes.count < HTTPRequest.bound, let piece = try await pieces.next() {
            bytes += piece.readableBytesView
        }
        if bytes.isEmpty { return }
        let (given, isHead) = await judge(bytes, answer)
        try await output.write(ByteBuffer(string: given.text(isHead: isHead)))
        output.finish()
        // What is on its way has to be read, or the kernel takes the answer back.
        var rest = rest
        while rest > 0, let piece = try await pieces.next() { rest -= piece.readableBytes }
    }

    private static func judge(
        _ bytes: [UInt8], _ answer: @Sendable (String) async -> Answer
    ) async -> (Answer, isHead: Bool) {
        let head = HTTPRequest.head(of: bytes)
        if (head?.endIndex ?? bytes.count) >= HTTPRequest.bound { return (.tooLarge, false) }
        guard let request = head.flatMap({ HTTPRequest($0) }) else { return (.bad, false) }
        let isHead = request.method == "HEAD"
        guard isHead || request.method == "GET" else { return (.notAllowed, false) }
        if request.hasBody { return (.bad, isHead) }
        return (await answer(request.path), isHead)
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
