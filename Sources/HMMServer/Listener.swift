internal import Glibc
internal import HMMEngine
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Opens the sockets a server listens on and makes a `ConnectionHandler` of every connection.
struct Listener {
    /// Connections that may wait in the kernel to be accepted; it has its own bound as well.
    private static let backlog: Int32 = 1024

    let server: ServerContext
    let group: MultiThreadedEventLoopGroup

    /// Listens on every address of the endpoint, on one port. An address family this machine lacks is left out.
    ///
    /// - Throws: `ListenError`.
    func listen(_ endpoint: HostPort, _ transport: ConnectionHandler.Transport) async throws -> [any Channel] {
        var channels: [any Channel] = []
        var port = Int(endpoint.port)
        var lastError: (any Error)?
        for var address in try AddressResolver.resolve(endpoint) {
            address.port = port
            do {
                let channel = try await bootstrap(transport, isTCP: true).bind(to: address).get()
                channels.append(channel)
                port = channel.localAddress?.port ?? port
            } catch let error as IOError where error.errnoCode == EADDRNOTAVAIL || error.errnoCode == EAFNOSUPPORT {
                lastError = error
            } catch {
                for channel in channels { try? await channel.close() }
                throw ListenError.unavailable("\(endpoint)", reason: Self.reason(error))
            }
        }
        guard !channels.isEmpty else {
            throw ListenError.unavailable("\(endpoint)", reason: lastError.map(Self.reason) ?? "no address")
        }
        return channels
    }

    /// - Throws: `ListenError.unavailable`.
    func listen(_ file: UnixSocketFile) async throws -> any Channel {
        do {
            return try await bootstrap(.plain(isReachableByBrowsers: false), isTCP: false)
                .withBoundSocket(file.descriptor).get()
        } catch {
            throw ListenError.unavailable(file.path, reason: Self.reason(error))
        }
    }

    private static func reason(_ error: any Error) -> String {
        (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }

    private func bootstrap(_ transport: ConnectionHandler.Transport, isTCP: Bool) -> ServerBootstrap {
        let server = server
        let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: server.bounds.low, high: server.bounds.high)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(server: server))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: waterMark)
            // Small for the many that are idle or chat, large for bulk.
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 65536))
            .childChannelInitializer { channel in Self.admit(channel, transport, server) }
        guard isTCP else { return bootstrap }
        return
            bootstrap
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
    }

    private static func admit(
        _ channel: any Channel, _ transport: ConnectionHandler.Transport, _ server: ServerContext
    ) -> EventLoopFuture<Void> {
        guard let loop = server.loop(of: channel.eventLoop), server.admission.enter() else {
            server.note(
                "connection refused", ["reason": "too many connections"],
                at: .init(nanoseconds: NIODeadline.now().uptimeNanoseconds))
            return channel.eventLoop.makeFailedFuture(TooManyConnections())
        }
        return channel.eventLoop.makeCompletedFuture {
            let handler = ConnectionHandler(transport, server: server, loop: loop)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
    }

    /// Makes the bootstrap close a connection it has just accepted.
    private struct TooManyConnections: Error {}
}
