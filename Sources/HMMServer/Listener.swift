internal import Glibc
internal import HMMEngine
internal import Logging
internal import Synchronization

/// Opens the sockets a server listens on and makes a `ConnectionHandler` of every connection.
final class Listener: Sendable {
    /// A socket that listens, and where.
    struct Port {
        let socket: ListeningSocket
        let address: SocketAddress?
    }

    private let server: ServerContext
    private let nextLoop = Atomic<Int>(0)

    init(server: ServerContext) { self.server = server }

    /// Listens on every address of the endpoint, on one port. An address family this machine lacks is left out.
    ///
    /// - Throws: `ListenError`.
    func listen(_ endpoint: HostPort, _ transport: ConnectionHandler.Transport) throws(ListenError) -> [Port] {
        var ports: [Port] = []
        var port = endpoint.port
        var lastError: SystemError?
        for var address in try AddressResolver.resolve(endpoint) {
            address.port = port
            do throws(SystemError) {
                let opened = try listen(try Self.bind(address), transport, isTCP: true)
                ports.append(opened)
                port = opened.address?.port ?? port
            } catch {
                lastError = error
                if error.code == EADDRNOTAVAIL || error.code == EAFNOSUPPORT { continue }
                for port in ports { port.socket.close() }
                throw .unavailable("\(endpoint)", reason: error.reason)
            }
        }
        guard !ports.isEmpty else {
            throw .unavailable("\(endpoint)", reason: lastError.map(\.reason) ?? "no address")
        }
        return ports
    }

    /// - Throws: `ListenError.unavailable`.
    func listen(_ file: UnixSocketFile) throws(ListenError) -> Port {
        do throws(SystemError) {
            return try listen(file.descriptor, .plain(isReachableByBrowsers: false), isTCP: false)
        } catch {
            throw .unavailable(file.path, reason: error.reason)
        }
    }

    /// Listens on a socket that has been bound already.
    ///
    /// - Throws: `ListenError.unavailable`.
    func listen(inherited descriptor: Int32, _ transport: ConnectionHandler.Transport) throws(ListenError) -> Port {
        var isTCP = false
        if case .tls = transport { isTCP = true }
        do throws(SystemError) {
            return try listen(descriptor, transport, isTCP: isTCP)
        } catch {
            throw .unavailable("the inherited socket", reason: error.reason)
        }
    }

    private static func bind(_ address: SocketAddress) throws(SystemError) -> Int32 {
        let descriptor = try SystemError.check("socket", socket(address.domain, SocketKind.stream, 0))
        SocketKind.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        // Both families have a socket of their own, but for `::`, which takes either as it does for systemd.
        if address.family == .v6 {
            SocketKind.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.isEveryAddress ? 0 : 1)
        }
        guard address.withPointer({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
            let error = SystemError("bind")
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private func listen(
        _ descriptor: Int32, _ transport: ConnectionHandler.Transport, isTCP: Bool
    ) throws(SystemError) -> Port {
        let server = server
        let address = isTCP ? SocketAddress(of: descriptor, getsockname) : nil
        let socket = try ListeningSocket(
            descriptor, on: server.loops[0].eventLoop, accepted: { self.accept($0, transport, isTCP: isTCP) },
            failed: {
                server.loops[0].counters.acceptFailures += 1
                server.noteAcceptFailure("\($0)", at: Instant(nanoseconds: EventLoop.clock()))
            })
        return Port(socket: socket, address: address)
    }

    /// Gives a connection to the next loop, or closes it when there are too many.
    private func accept(_ descriptor: Int32, _ transport: ConnectionHandler.Transport, isTCP: Bool) {
        let address = isTCP ? SocketAddress(of: descriptor, getpeername) : nil
        if let reason = server.admission.enter(from: address?.prefix, asStranger: transport.hasStrangers) {
            close(descriptor)
            server.loops[0].counters.turnedAway += 1
            let now = Instant(nanoseconds: EventLoop.clock())
            return server.note("connection refused", ["reason": "\(reason)"], at: now)
        }
        if isTCP {
            // Answers are made in whole batches; waiting for more to send would only delay them.
            SocketKind.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            KeepAlive.set(descriptor, server.waits.unreachable)
        }
        let turn = nextLoop.wrappingAdd(1, ordering: .relaxed).oldValue
        let loop = server.loops[Int(UInt(bitPattern: turn) % UInt(server.loops.count))]
        let server = server
        loop.eventLoop.execute {
            // Whom the kernel does not name is nobody.
            let nobody = PeerCredentials(user: .max, groups: [])
            let peer = ConnectionHandler.Peer(
                address: address, credentials: isTCP ? nil : PeerCredentials(of: descriptor) ?? nobody)
            let socket = StreamSocket(descriptor, loop.eventLoop, input: loop.input)
            ConnectionHandler(transport, socket, from: peer, server: server, loop: loop).open()
        }
    }
}

extension SystemError {
    /// The error alone, for a sentence that names the rest.
    var reason: String { String(cString: strerror(code)) }
}
