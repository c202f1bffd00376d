import Dispatch
import Glibc
import HMMFaultProxy

/// A client and a server with a proxy between them, on loopback sockets. Calls block a queue, not the tests' threads.
final class Wire: @unchecked Sendable {
    enum Side { case client, server }

    /// What a side reads.
    enum Outcome: Equatable {
        case bytes([UInt8])
        case end
        case reset
    }

    struct Failure: Error { let call: String }

    /// For what is expected to happen: far more than it takes.
    private static let patienceSeconds = 30

    private let queue = DispatchQueue(label: "wire")
    private let proxy: FaultProxy
    private let client: Int32
    private let server: Int32
    /// Who has been told of a reset when sending; reading then finds nothing but the end.
    private var isReset: Set<Side> = []

    /// Runs `body` with a connection that has been made through the proxy.
    static func run(_ directions: Directions, _ body: (Wire) async throws -> Void) async throws {
        let listener = try check("socket", socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        defer { Glibc.close(listener) }
        let port = try bind(listener)
        try check("listen", Glibc.listen(listener, 1))
        let proxy = try await FaultProxy.listen(to: "127.0.0.1", port, directions)
        let wire = try Wire(proxy, listener)
        try await body(wire)
        await proxy.close()
    }

    private init(_ proxy: FaultProxy, _ listener: Int32) throws {
        self.proxy = proxy
        client = try Self.connect(proxy.port)
        server = try Self.check("accept", accept(listener, nil, nil))
        Self.bePatient(server)
    }

    deinit {
        Glibc.close(client)
        Glibc.close(server)
    }

    private func descriptor(_ side: Side) -> Int32 { side == .client ? client : server }

    /// Sends what the system takes. Who is told that the other has gone hears of it by reading.
    func send(_ bytes: [UInt8], from side: Side) async {
        await onQueue {
            let count = Glibc.send(self.descriptor(side), bytes, bytes.count, Int32(MSG_NOSIGNAL))
            if count < 0, errno == ECONNRESET || errno == EPIPE { self.isReset.insert(side) }
        }
    }

    func endOutput(of side: Side) { shutdown(descriptor(side), Int32(SHUT_WR)) }

    /// What comes next, up to `count` bytes.
    func read(_ count: Int, at side: Side) async throws -> Outcome {
        try await onQueue { () -> Result<Outcome, Failure> in
            let outcome = Self.read(self.descriptor(side), count)
            if case .success(.end) = outcome, self.isReset.contains(side) { return .success(.reset) }
            return outcome
        }.get()
    }

    private static func read(_ descriptor: Int32, _ count: Int) -> Result<Outcome, Failure> {
        var buffer = [UInt8](repeating: 0, count: count)
        let read = recv(descriptor, &buffer, count, 0)
        if read > 0 { return .success(.bytes(Array(buffer[..<read]))) }
        if read == 0 { return .success(.end) }
        return errno == ECONNRESET ? .success(.reset) : .failure(Failure(call: "recv"))
    }

    /// What a client of a proxy hears first.
    static func firstOutcome(port: Int) throws -> Outcome {
        let descriptor = try connect(port)
        defer { Glibc.close(descriptor) }
        return try read(descriptor, 1).get()
    }

    /// Everything that comes, up to `count` bytes, and how it ended if it did.
    func readAll(_ count: Int, at side: Side) async throws -> (bytes: [UInt8], end: Outcome?) {
        var all: [UInt8] = []
        while all.count < count {
            switch try await read(count - all.count, at: side) {
            case .bytes(let bytes): all += bytes
            case let end: return (all, end)
            }
        }
        return (all, nil)
    }

    /// Whether anything has come that was not read.
    func hasInput(_ side: Side) -> Bool {
        var entry = pollfd(fd: descriptor(side), events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    private func onQueue<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { waiter in queue.async { waiter.resume(returning: body()) } }
    }

    // MARK: Sockets

    private static func connect(_ port: Int) throws -> Int32 {
        let descriptor = try check("socket", socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = loopback(port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try check("connect", result)
        bePatient(descriptor)
        return descriptor
    }

    private static func bePatient(_ descriptor: Int32) {
        var wait = timeval(tv_sec: patienceSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    /// Binds to a free port, which is returned.
    private static func bind(_ descriptor: Int32) throws -> Int {
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                try check("bind", Glibc.bind(descriptor, address, length))
                try check("getsockname", getsockname(descriptor, address, &length))
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    @discardableResult
    private static func check(_ call: String, _ result: Int32) throws -> Int32 {
        if result < 0 { throw Failure(call: call) }
        return result
    }
}
