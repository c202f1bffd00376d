import Dispatch
import Glibc
import HMMTLS

@testable import HMMServer

/// A client on a real socket, TLS included. Its calls block a queue of its own, not the threads that tests share.
final class TestClient: @unchecked Sendable {
    enum Place {
        case tcp(UInt16)
        case unix(String)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What is left when the server has ended its side.
    struct Ending: Equatable {
        var text: String
        /// TLS said so, rather than TCP alone.
        var isOrderly: Bool
        var error: String?
    }

    /// For anything that is expected to happen: far more than it takes.
    private static let patienceSeconds = 300

    private let queue = DispatchQueue(label: "client")
    private let descriptor: Int32
    /// The client's end, if over TCP.
    var localPort: UInt16? { SocketAddress(of: descriptor, getsockname)?.port }
    private let session: TLSSession?
    /// Received and not yet asked for.
    private var received: [UInt8] = []
    private var hasEnded = false
    private var isOrderly = false
    private var failure: String?

    /// Connects. With TLS, the handshake comes with the first call that reads or sends.
    ///
    /// - Parameter receiveBuffer: bytes the kernel may hold for us, if it shall not decide itself.
    init(_ place: Place, tls: TLSContext? = nil, receiveBuffer: Int32? = nil) throws {
        session = try tls.map { try TLSSession(client: $0, serverName: "localhost") }
        let family = if case .tcp = place { AF_INET } else { AF_UNIX }
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
        guard Self.connect(descriptor, to: place) == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw Failure(description: "cannot connect: \(reason)")
        }
    }

    deinit { close(descriptor) }

    private static func connect(_ descriptor: Int32, to place: Place) -> Int32 {
        switch place {
        case .tcp(let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            return withUnsafeBytes(of: &address) {
                Glibc.connect(
                    descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
            }
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            return withUnsafeBytes(of: &address) {
                Glibc.connect(
                    descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
            }
        }
    }

    private func onQueue<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { waiter in
            queue.async { waiter.resume(with: Result { try body() }) }
        }
    }

    // MARK: What tests do

    /// Sends requests; each line gets its end here.
    func send(_ lines: String...) async throws { try await send(bytes: lines.flatMap { Array("\($0)\n".utf8) }) }

    func send(bytes: [UInt8]) async throws { try await onQueue { try self.sendNow(bytes) } }

    /// Sends each byte by itself, without a pause in which the server could lose its patience.
    func send(oneByOne text: String) async throws {
        try await onQueue { for byte in text.utf8 { try self.sendNow([byte]) } }
    }

    /// Begins the handshake, and leaves the server waiting for our part of it.
    func beginHandshake() async throws {
        try await onQueue {
            guard let session = self.session else { return }
            try self.withWindow { _ = session.handshake() }
            try self.receiveCiphertext(session)
        }
    }

    /// Bytes past TLS.
    func sendRaw(_ text: String) async throws { try await onQueue { try self.transmit(Array(text.utf8)) } }

    /// The next line, without its end.
    func line() async throws -> String {
        try await onQueue {
            while true {
                if let end = self.received.firstIndex(of: 10) {
                    defer { self.received.removeFirst(end + 1) }
                    return String(decoding: self.received[..<end], as: UTF8.self)
                }
                try self.receiveMore()
            }
        }
    }

    /// Sends one request and returns the line that comes back.
    func ask(_ request: String) async throws -> String {
        try await send(request)
        return try await line()
    }

    /// The next `count` bytes.
    func bytes(_ count: Int) async throws -> [UInt8] {
        try await onQueue {
            while self.received.count < count { try self.receiveMore() }
            defer { self.received.removeFirst(count) }
            return Array(self.received[..<count])
        }
    }

    /// Waits until the server has ended its side.
    func ending() async throws -> Ending {
        try await onQueue {
            do { while !self.hasEnded { try self.receiveMore() } } catch let error as Failure {
                self.failure = error.description
            }
            return Ending(
                text: String(decoding: self.received, as: UTF8.self), isOrderly: self.isOrderly, error: self.failure)
        }
    }

    /// Ends our side: nothing more will be sent. Reading goes on.
    func endOutput(notify: Bool = true) async throws {
        try await onQueue {
            if notify, let session = self.session { try self.withWindow { session.close() } }
            shutdown(self.descriptor, Int32(SHUT_WR))
        }
    }

    /// Breaks the connection without a word.
    func reset() async throws {
        try await onQueue {
            var lingering = linger(l_onoff: 1, l_linger: 0)
            setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
            // Makes the reset happen now; the descriptor itself stays ours until the end.
            let other = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            dup2(other, self.descriptor)
            close(other)
        }
    }

    // MARK: On the queue

    private func sendNow(_ bytes: [UInt8]) throws {
        guard let session else { return try transmit(bytes) }
        try completeHandshake(session)
        var error: TLSError?
        try withWindow { error = bytes.withUnsafeBytes { session.write($0) } }
        if let error { throw Failure(description: error.description) }
    }

    private func completeHandshake(_ session: TLSSession) throws {
        while true {
            var outcome = TLSSession.HandshakeOutcome.incomplete
            try withWindow { outcome = session.handshake() }
            switch outcome {
            case .complete: return
            case .failed(let error): throw Failure(description: error.description)
            case .incomplete: try receiveCiphertext(session)
            }
        }
    }

    private func receiveMore() throws {
        guard !hasEnded else { throw Failure(description: "the server has ended its side") }
        guard let session else {
            let bytes = try receiveBytes()
            hasEnded = bytes.isEmpty
            received += bytes
            return
        }
        try completeHandshake(session)
        while true {
            var buffer = [UInt8](repeating: 0, count: 65536)
            var outcome = TLSSession.ReadOutcome.needsInput
            try withWindow { outcome = buffer.withUnsafeMutableBytes { session.read(into: $0) } }
            switch outcome {
            case .bytes(let count):
                received += buffer[..<count]
                return
            case .closed:
                hasEnded = true
                isOrderly = true
                return
            case .failed(let error):
                hasEnded = true
                throw Failure(description: error.description)
            case .needsInput: try receiveCiphertext(session)
            }
        }
    }

    private func receiveCiphertext(_ session: TLSSession) throws {
        let bytes = try receiveBytes()
        if bytes.isEmpty { return session.inputEnded() }
        bytes.withUnsafeBytes {
            session.beginInput($0)
            session.endInput()
        }
    }

    private func receiveBytes() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 {
            let reason = String(cString: strerror(errno))
            hasEnded = true
            throw Failure(description: "cannot receive: \(reason)")
        }
        return Array(buffer[..<count])
    }

    /// Runs a call of TLS and sends what it has to say.
    private func withWindow(_ body: () -> Void) throws {
        guard let session else { return }
        body()
        var buffer = [UInt8](repeating: 0, count: session.pendingOutput)
        let count = buffer.withUnsafeMutableBytes { session.takePendingOutput(into: $0) }
        try transmit(Array(buffer[..<count]))
    }

    private func transmit(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "cannot send: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }
}
