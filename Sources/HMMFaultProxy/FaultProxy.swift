internal import NIOCore
internal import NIOPosix

/// Passes connections on to a server, over a network that is as bad as one asks for. It knows nothing of what is said:
/// TLS goes through it as it is.
public final class FaultProxy: Sendable {
    private let listener: any Channel
    /// Where clients connect.
    public let host: String
    public let port: Int

    private init(_ listener: any Channel, host: String, port: Int) {
        self.listener = listener
        self.host = host
        self.port = port
    }

    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - host: an address of this machine.
    ///   - port: 0 for any that is free.
    ///   - directions: what happens to every connection.
    /// - Throws: what the system says of the address. That the server cannot be reached shows at each connection, which
    ///   is closed.
    public static func listen(
        host: String = "127.0.0.1", port: Int = 0, to serverHost: String, _ serverPort: Int, _ directions: Directions
    ) async throws -> FaultProxy {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { client in
                client.eventLoop.makeCompletedFuture {
                    let link = Link(client: client, directions)
                    try client.pipeline.syncOperations.addHandler(PipeHandler(link.fromClient, of: link))
                    reach(serverHost, serverPort, for: client, link)
                }
            }
            .bind(host: host, port: port).get()
        return FaultProxy(listener, host: host, port: listener.localAddress?.port ?? port)
    }

    /// Connects to the server on the client's loop, and joins the two.
    private static func reach(_ host: String, _ port: Int, for client: any Channel, _ link: Link) {
        let held = NIOLoopBound(link, eventLoop: client.eventLoop)
        ClientBootstrap(group: client.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { server in
                server.eventLoop.makeCompletedFuture {
                    try server.pipeline.syncOperations.addHandler(PipeHandler(held.value.fromServer, of: held.value))
                }
            }
            .connect(host: host, port: port)
            .whenComplete { result in
                switch result {
                case .success(let server): held.value.connect(to: server)
                case .failure: client.close(promise: nil)
                }
            }
    }

    /// Listens no longer; connections go on.
    public func close() async { try? await listener.close() }
}
