internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// What a server offers to people who watch over it and not to clients: metrics and health over HTTP, the admin socket.
/// A thread for metrics and another for operators, whom no flood of questions keeps waiting; made only when they are
/// wanted.
final class WatchPorts: Sendable {
    private let groups: [MultiThreadedEventLoopGroup]
    private let http: [HTTPPort]
    private let admin: [AdminPort]
    private let adminFile: UnixSocketFile?

    /// Where metrics can be read.
    var metricsAddresses: [HostPort] { http.compactMap(\.address) }
    let adminPaths: [String]

    /// Nil when nothing is wanted.
    ///
    /// - Throws: `ListenError`.
    static func open(
        _ configuration: ServerConfiguration, _ server: ServerContext, _ inherited: InheritedSockets,
        _ controls: ServerControls, isReady: @escaping @Sendable () -> Bool
    ) async throws -> WatchPorts? {
        guard configuration.metrics != nil || configuration.admin != nil else { return nil }
        func group(_ isWanted: Bool) -> MultiThreadedEventLoopGroup? {
            isWanted ? MultiThreadedEventLoopGroup(numberOfThreads: 1) : nil
        }
        let (metrics, admin) = (group(configuration.metrics != nil), group(configuration.admin != nil))
        do {
            return try await WatchPorts(configuration, server, inherited, controls, isReady, metrics, admin)
        } catch {
            for group in [metrics, admin] { try? await group?.shutdownGracefully() }
            throw error
        }
    }

    private init(
        _ configuration: ServerConfiguration, _ server: ServerContext, _ inherited: InheritedSockets,
        _ controls: ServerControls, _ isReady: @escaping @Sendable () -> Bool,
        _ metricsGroup: MultiThreadedEventLoopGroup?, _ adminGroup: MultiThreadedEventLoopGroup?
    ) async throws {
        groups = [metricsGroup, adminGroup].compactMap { $0 }
        let reading = MetricsReading(server)
        let answers = AdminAnswers(server: server, controls: controls)
        var http: [HTTPPort] = []
        var admin: [AdminPort] = []
        var file: UnixSocketFile?
        do {
            for place in Self.metricsPlaces(configuration, inherited) {
                guard let metricsGroup else { break }
                let port = try await HTTPPort(place, on: metricsGroup) { path in
                    await Self.answer(path, reading, Health(server: server), isReady)
                }
                http.append(port)
            }
            var sockets = configuration.admin == nil ? [] : inherited.take(.admin)
            if sockets.isEmpty, let path = configuration.admin {
                file = try UnixSocketFile(.init(path: path))
                sockets = file.map { [$0.descriptor] } ?? []
            }
            adminPaths = sockets.map { UnixSocketFile.path(of: $0) }
            for socket in sockets {
                guard let adminGroup else { break }
                admin.append(try await AdminPort(socket, on: adminGroup, answers))
            }
        } catch {
            file?.remove()
            for port in http { await port.close() }
            for port in admin { await port.close() }
            throw error
        }
        (self.http, self.admin, adminFile) = (http, admin, file)
    }

    private static func metricsPlaces(
        _ configuration: ServerConfiguration, _ inherited: InheritedSockets
    ) -> [WatchPlace] {
        guard let address = configuration.metrics else { return [] }
        let given = inherited.take(.metrics)
        return given.isEmpty ? [.address(address)] : given.map { .inherited($0) }
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
        for port in admin { await port.close() }
        for port in http { await port.close() }
        for group in groups { try? await group.shutdownGracefully() }
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
