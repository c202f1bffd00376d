internal import Glibc
internal import HMMEngine
internal import HMMProtocol
internal import Logging
internal import NIOCore
internal import NIOPosix

/// The socket on which an operator asks and commands, in the protocol's grammar. Whoever may open it may do all of it:
/// its file's mode is the only guard.
final class AdminPort: Sendable {
    static let connectionBound = 8

    private struct Guest: Sendable {
        var channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
        /// Process and user, for the log.
        var identity: Logger.Metadata
    }

    private let task: Task<Void, Never>

    /// Serves a bound Unix socket, which it takes over.
    ///
    /// - Throws: `ListenError`.
    init(_ descriptor: Int32, on group: any EventLoopGroup, _ answers: AdminAnswers) async throws {
        let listener: NIOAsyncChannel<Guest, Never>
        do {
            guard listen(descriptor, 8) == 0 else { throw SystemError("listen") }
            // Who has said everything still reads the answers: `printf 'tenants\n' | ncat -U …`.
            let bootstrap = ServerBootstrap(group: group).childChannelOption(.allowRemoteHalfClosure, value: true)
            listener = try await bootstrap.bind(descriptor) { child in
                Self.identity(of: child).flatMapThrowing {
                    Guest(channel: try NIOAsyncChannel(wrappingChannelSynchronously: child), identity: $0)
                }
            }
        } catch {
            throw ListenError.unavailable("the admin socket", reason: "\(error)")
        }
        task = Task { await Self.serve(listener, answers) }
    }

    func close() async {
        task.cancel()
        await task.value
    }

    private static func serve(_ listener: NIOAsyncChannel<Guest, Never>, _ answers: AdminAnswers) async {
        let places = Places(connectionBound)
        try? await listener.executeThenClose { children in
            try await withThrowingDiscardingTaskGroup { group in
                for try await child in children {
                    var answers = answers
                    answers.identity = child.identity
                    group.addTask { [answers] in await serve(child.channel, places, answers) }
                }
            }
        }
    }

    /// A connection, from its beginning to its end.
    private static func serve(
        _ child: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ places: Places, _ answers: AdminAnswers
    ) async {
        let isAdmitted = places.enter()
        defer { if isAdmitted { places.leave() } }
        try? await child.executeThenClose { input, output in
            guard isAdmitted else { return try await output.write(ByteBuffer(string: "* bye LIMIT\n")) }
            answers.server.logger.info("operator connected", metadata: answers.identity)
            try await converse(input, output, answers)
        }
    }

    /// One command after the other: nothing is read while one is being answered. What has been commanded is done,
    /// whether anyone reads the answers or not.
    private static func converse(
        _ input: NIOAsyncChannelInboundStream<ByteBuffer>, _ output: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        _ answers: AdminAnswers
    ) async throws {
        try? await output.write(ByteBuffer(string: "* HMM-ADMIN/1 version=\(Engine.version)\n"))
        var pending: [UInt8] = []
        for try await piece in input {
            pending += piece.readableBytesView
            while let end = pending.firstIndex(of: 10) {
                let line = Array(pending[..<end])
                pending.removeFirst(end + 1)
                if await take(line, output, answers) { return }
            }
            // What has no end yet is judged as a line, so that it cannot grow.
            if pending.count >= answers.server.limits.line, await take(pending, output, answers) { return }
        }
    }

    /// Answers one line. True at the end of the conversation.
    private static func take(
        _ line: [UInt8], _ output: NIOAsyncChannelOutboundWriter<ByteBuffer>, _ answers: AdminAnswers
    ) async -> Bool {
        let (text, isOver): ([UInt8], Bool) =
            switch read(line) {
            case .nothing: ([], false)
            case .refused(let lines, let closes): (lines, closes)
            case .request(let verb, let request): await answers.answer(verb, request)
            }
        if !text.isEmpty { try? await output.write(ByteBuffer(bytes: text)) }
        return isOver
    }

    private enum Reading {
        case nothing
        case refused([UInt8], closes: Bool)
        case request(AdminVerb, AdminAnswers.Request)
    }

    private static func read(_ line: [UInt8]) -> Reading {
        switch AdminVerb.vocabulary.read(line) {
        case .nothing: return .nothing
        case .failure(let tag, let failure, let closes):
            let bye = closes ? Array("* bye FRAMING\n".utf8) : []
            return .refused(AdminAnswers.refusal(tag, failure) + bye, closes: closes)
        case .command(let command):
            guard let verb = AdminVerb(rawValue: command.number) else { return .nothing }
            let numbers = verb.spec.arguments.indices.map { command.number(at: $0) }
            return .request(verb, AdminAnswers.Request(tag: command.tag, name: command.name, numbers: numbers))
        }
    }

    /// The kernel's struct ucred.
    private struct Credentials {
        var process: Int32 = 0
        var user: UInt32 = 0
        var group: UInt32 = 0
    }

    /// Asked for before anything is said, for then it is sure to be there.
    private static func identity(of channel: any Channel) -> EventLoopFuture<Logger.Metadata> {
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture([:])
        }
        let credentials: EventLoopFuture<Credentials> = options.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: SO_PEERCRED))
        return credentials.map { ["pid": "\($0.process)", "uid": "\($0.user)"] }.recover { _ in [:] }
    }
}
