import Foundation
import HMMTLS

/// A server's end of TLS, in memory. The first byte says how far a well-behaved client gets before the rest arrives:
/// nothing, part of its hello, or the whole handshake; and whether the rest is put in place of what it would send, or
/// spoils single bytes of it.
enum TLSTarget {
    private static let contexts: (server: TLSContext, client: TLSContext) = {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hmm-fuzz-\(getpid())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            let files = try TestCertificates.make(in: folder)
            let pair = TLSContext.Certificate(chainFile: files.serverCertificate, keyFile: files.serverKey)
            let own = TLSContext.Certificate(
                chainFile: files.tenants[0].certificate, keyFile: files.tenants[0].key)
            return (
                try TLSContext.server(
                    certificates: [pair], clientCAFile: files.authority, verification: .required,
                    minimumVersion: .tls12, applicationProtocol: "hmm/1", requireALPN: false, cipherSuites: nil),
                try TLSContext.client(
                    certificate: own, caFile: files.authority, verifyServer: true, minimumVersion: .tls13,
                    applicationProtocol: "hmm/1", cipherSuites: nil)
            )
        } catch {
            finding("no certificates: \(error)")
        }
    }()

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first else { return }
        let rest = Array(input.dropFirst())
        do {
            let server = End(try TLSSession(server: contexts.server))
            // Output windows that are too small, too.
            server.window = first & 0x40 == 0 ? 4096 : 7
            if first & 3 == 0 { return feed(server, rest, first) }
            let client = End(try TLSSession(client: contexts.client, serverName: "localhost"))
            client.take([])
            if first & 3 == 1 { return feed(server, spoilt(client.wire, rest), first) }
            for _ in 0..<3 {
                let flight = client.wire
                client.wire = []
                server.take(flight)
                let answer = server.wire
                server.wire = []
                client.take(answer)
            }
            guard server.isReady, client.isReady else { finding("a good handshake fails: \(server) \(client)") }
            client.send(Array("ping\n".utf8))
            server.send(Array("+\n".utf8))
            feed(server, first & 3 == 2 ? client.wire + rest : spoilt(client.wire, rest), first)
        } catch {
            finding("no session: \(error)")
        }
    }

    /// `octets` with single bytes changed: pairs of a position and what is added there.
    private static func spoilt(_ octets: [UInt8], _ changes: [UInt8]) -> [UInt8] {
        var result = octets
        for index in stride(from: 0, to: changes.count - 2, by: 3) where !result.isEmpty {
            let position = (Int(changes[index]) << 8 | Int(changes[index + 1])) % result.count
            result[position] &+= changes[index + 2]
        }
        return result
    }

    private static func feed(_ server: End, _ octets: [UInt8], _ mode: UInt8) {
        let size = [Int.max, 1, 5, 16 << 10][Int(mode >> 2) & 3]
        var start = 0
        while start < octets.count {
            let end = size < octets.count - start ? start + size : octets.count
            server.take(Array(octets[start..<end]))
            start = end
        }
        if mode & 0x10 != 0 { server.send([1, 2, 3]) }
        if mode & 0x20 != 0 { server.end() }
        server.close()
        server.take([])
    }

    /// One end of a connection, driven as the reactor does.
    private final class End: CustomStringConvertible {
        private let session: TLSSession
        var window = 4096
        var wire: [UInt8] = []
        private(set) var isReady = false
        private var failure: TLSError?
        private var isClosed = false

        init(_ session: TLSSession) { self.session = session }

        var description: String { "ready \(isReady), failure \(failure.map { "\($0)" } ?? "none")" }

        private func withWindows(_ ciphertext: [UInt8], _ body: () -> Void) {
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: window, alignment: 1)
            defer { room.deallocate() }
            ciphertext.withUnsafeBytes { bytes in
                session.beginInput(bytes)
                session.beginOutput(room)
                body()
                wire += room[..<session.endOutput()]
                session.endInput()
            }
            while session.pendingOutput > 0 {
                let count = session.takePendingOutput(into: room)
                if count == 0 { finding("pending output that does not come") }
                wire += room[..<count]
            }
        }

        func take(_ ciphertext: [UInt8]) {
            withWindows(ciphertext) {
                if !isReady {
                    switch session.handshake() {
                    case .incomplete: return
                    case .complete: isReady = true
                    case .failed(let error): return fail(error)
                    }
                }
                readAll()
            }
        }

        private func readAll() {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 1)
            defer { buffer.deallocate() }
            while true {
                switch session.read(into: buffer) {
                case .bytes(let count):
                    if failure != nil || isClosed { finding("bytes after the end") }
                    if count == 0 || count > 1000 { finding("a read of \(count) bytes") }
                case .needsInput: return
                case .closed:
                    isClosed = true
                    return
                case .failed(let error): return fail(error)
                }
            }
        }

        /// The first error is final.
        private func fail(_ error: TLSError) {
            if let failure, failure != error { finding("\(failure), then \(error)") }
            failure = error
        }

        func send(_ plaintext: [UInt8]) {
            withWindows([]) { _ = plaintext.withUnsafeBytes { session.write($0) } }
        }

        func end() { session.inputEnded() }

        func close() { withWindows([]) { session.close() } }
    }
}
