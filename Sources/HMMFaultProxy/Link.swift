internal import Glibc
internal import NIOCore

/// A client, the server, and the two directions between them. Lives on one event loop.
final class Link {
    private let client: any Channel
    private var server: (any Channel)?
    private(set) var fromClient: Pipe!
    private(set) var fromServer: Pipe!

    init(client: any Channel, _ directions: Directions) {
        self.client = client
        fromClient = Pipe(directions.client, on: client.eventLoop) { [weak self] in self?.end($0) }
        fromServer = Pipe(directions.server, on: client.eventLoop) { [weak self] in self?.end($0) }
    }

    func connect(to server: any Channel) {
        // An ending after no bytes at all comes with the connection, and is both sides'.
        self.server = server
        fromClient.connect(from: client, to: server)
        fromServer.connect(from: server, to: client)
    }

    private func end(_ kind: Faults.Kind) {
        switch kind {
        case .cut:
            for channel in [client, server].compactMap({ $0 }) { Self.reset(channel) }
        case .stall: break
        case .halfOpen:
            fromClient.lose()
            fromServer.lose()
        }
    }

    /// Closes as a router that drops a connection does.
    private static func reset(_ channel: any Channel) {
        if let socket = channel as? any SocketOptionProvider {
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in }
        }
        channel.close(promise: nil)
    }
}
