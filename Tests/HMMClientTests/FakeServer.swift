import Foundation
import HMMClient
import HMMTLS

/// A server that greets, cuts lines and does what the test says with each; one thread a connection, blocking. It
/// listens until the tests end: a descriptor that was closed and used again would join two tests.
final class FakeServer: Sendable {
    let port: Int

    /// - Parameter answer: called with each line of a client.
    init(
        tls context: TLSContext? = nil, greeting: String = "* HMM/1 auth=mtls window=4",
        answer: @escaping @Sendable (String, FakePeer) -> Void
    ) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        guard Self.bindToLoopback(listener, &address), listen(listener, 16) == 0 else { throw POSIXError(.EADDRINUSE) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread {
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { return }
                Thread.detachNewThread {
                    guard let peer = FakePeer(descriptor, context) else { return }
                    peer.serve(greeting, answer)
                }
            }
        }
    }

    /// A port of this machine where nobody listens.
    static func unusedPort() -> Int {
        var address = sockaddr_in()
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        return bindToLoopback(descriptor, &address) ? Int(UInt16(bigEndian: address.sin_port)) : 1
    }

    /// Binds to a free port, which is told in `address`.
    private static func bindToLoopback(_ descriptor: Int32, _ address: inout sockaddr_in) -> Bool {
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
    }
}

/// One client of a `FakeServer`, used on its thread only.
final class FakePeer {
    private let descriptor: Int32
    private let session: TLSSession?
    private var isOpen = true

    init?(_ descriptor: Int32, _ context: TLSContext?) {
        self.descriptor = descriptor
        session = context.flatMap { try? TLSSession(server: $0) }
        if context != nil, session == nil { return nil }
    }

    deinit { if isOpen { close(descriptor) } }

    func serve(_ greeting: String, _ answer: (String, FakePeer) -> Void) {
        guard session == nil || shakeHands() else { return drop() }
        send(greeting + "\n")
        var text: [UInt8] = []
        while isOpen, let bytes = receive() {
            text += bytes
            while isOpen, let end = text.firstIndex(of: 10) {
                let line = String(decoding: text[..<end], as: UTF8.self)
                text.removeFirst(end + 1)
                answer(line, self)
            }
        }
    }

    private func shakeHands() -> Bool {
        while true {
            switch exchange({ $0.handshake() }) {
            case .complete: return true
            case .failed: return false
            case .incomplete:
                guard let bytes = receiveRaw() else { return false }
                held += bytes
            }
        }
    }

    /// Ciphertext that the session has not seen.
    private var held: [UInt8] = []

    private func exchange<T>(_ body: (TLSSession) -> T) -> T {
        let window = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { window.deallocate() }
        let input = held
        held = []
        return input.withUnsafeBytes { bytes in
            session!.beginInput(bytes)
            session!.beginOutput(window)
            let result = body(session!)
            let count = session!.endOutput()
            session!.endInput()
            write(window[..<count])
            return result
        }
    }

    /// Decrypted bytes, nil at the end.
    private func receive() -> [UInt8]? {
        guard session != nil else { return receiveRaw() }
        while true {
            let outcome = exchange { session in
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 14, alignment: 16)
                defer { buffer.deallocate() }
                let outcome = session.read(into: buffer)
                if case .bytes(let count) = outcome { return (outcome, Array(buffer[..<count])) }
                return (outcome, [])
            }
            switch outcome.0 {
            case .bytes: return outcome.1
            case .closed, .failed: return nil
            case .needsInput:
                guard let bytes = receiveRaw() else { return nil }
                held += bytes
            }
        }
    }

    private func receiveRaw() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private func write(_ bytes: some Collection<UInt8>) {
        let octets = Array(bytes)
        guard !octets.isEmpty else { return }
        _ = Foundation.send(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL))
    }

    func send(_ text: String) {
        let octets = Array(text.utf8)
        if session == nil { return write(octets) }
        _ = exchange { session in octets.withUnsafeBytes { session.write($0) } }
    }

    /// Closes in an orderly way.
    func leave() {
        if session != nil { exchange { $0.close() } }
        drop()
    }

    /// Closes without a word.
    func drop() {
        guard isOpen else { return }
        isOpen = false
        close(descriptor)
    }
}

/// Certificates in a folder that goes away with this.
final class Credentials: Sendable {
    let folder: String
    let files: TestCertificates.Files

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("hmmclient-\(UUID().uuidString)").path
        files = try TestCertificates.make(in: folder, tenants: ["ci", "other"])
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func server() throws -> TLSContext {
        try TLSContext.server(
            certificates: [.init(chainFile: files.serverCertificate, keyFile: files.serverKey)],
            clientCAFile: files.authority, verification: .required, minimumVersion: .tls13,
            applicationProtocol: "hmm/1", requireALPN: true, cipherSuites: nil)
    }

    func options(port: Int) -> ConnectionOptions {
        var options = ConnectionOptions(endpoint: .tls(host: "localhost", port: port))
        options.authorityFile = files.authority
        options.certificate = .init(chainFile: files.tenants[0].certificate, keyFile: files.tenants[0].key)
        return options
    }
}
