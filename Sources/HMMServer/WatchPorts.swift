internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// What a server offers to people who watch over it and not to clients: metrics and health over HTTP, the admin socket.
/// All on one thread of their own, made only when one of them is wanted.
final class WatchPorts: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let http: HTTPPort?
    private let admin: AdminPort?
    private let adminFile: UnixSocketFile?

    /// Where metrics can be read.
    var metricsAddress: HostPort? { http?.address }

    /// Nil when nothing is wanted.
    ///
    /// - Throws: `ListenError`.
    static func open(
        _ configuration: ServerConfiguration, _ server: ServerContext, _ inherited: InheritedSockets,
        _ controls: ServerControls, isReady: @escaping @Sendable () -> Bool
    ) async throws -> WatchPorts? {
        guard configuration.metrics != nil || configuration.admin != nil else { return nil }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            return try await WatchPorts(configuration, server, inherited, controls, isReady, on: group)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private init(
        _ configuration: ServerConfiguration, _ server: ServerContext, _ inherited: InheritedSockets,
        _ controls: ServerControls, _ isReady: @escaping @Sendable () -> Bool, on group: MultiThreadedEventLoopGroup
    ) async throws {
        self.group = group
        if let address = configuration.metrics {
            let reading = MetricsReading(server, connectionLimit: configuration.maxConnections)
            let place = inherited.take(.metrics).first.map { WatchPlace.inherited($0) } ?? .address(address)
            http = try await HTTPPort(place, on: group) { path in
                await Self.answer(path, reading, Health(server: server), isReady)
            }
        } else {
            http = nil
        }
        guard let path = configuration.admin else {
            admin = nil
            adminFile = nil
            return
        }
        do {
            let descriptor = inherited.take(.admin).first
            adminFile = try descriptor == nil ? UnixSocketFile(.init(path: path)) : nil
            admin = try await AdminPort(
                descriptor ?? adminFile?.descriptor ?? -1, on: group, AdminAnswers(server: server, controls: controls))
        } catch {
            await http?.close()
            throw error
        }
    }

    private static func answer(
        _ path: String, _ reading: MetricsReading, _ health: Health, _ isReady: @Sendable () -> Bool
    ) async -> HTTPPort.Answer {
        switch path {
        case "/metrics":
            return .init(status: .ok, contentType: Exposition.contentType, body: await reading.text())
        case "/livez": return judge(await health.stuck())
        case "/readyz": return judge(health.unready(isListening: isReady()))
        default: return .notFound
        }
    }

    private static func judge(_ complaints: [String]) -> HTTPPort.Answer {
        complaints.isEmpty
            ? .init(status: .ok, body: "ok\n")
            : .init(status: .serviceUnavailable, body: complaints.joined(separator: "\n") + "\n")
    }

    func close() async {
        adminFile?.remove()
        await admin?.close()
        await http?.close()
        try? await group.shutdownGracefully()
    }
}

/// So many connections at one time.
final class Places: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    /// False if none is free; else needs one call of `leave`.
    func enter() -> Bool {
        left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }

    func leave() { left.withLock { $0 += 1 } }
}
