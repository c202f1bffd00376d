import Glibc
import HMMProtocol
import HMMTLS
import Logging
import Synchronization
import Testing

@testable import HMMServer

/// A server with certificates of its own in a directory that goes away with it.
final class TestServer: Sendable {
    let server: Server
    let folder: PrivateFolder
    let files: TestCertificates.Files
    let log: LogLines

    /// Starts a server on a free port of 127.0.0.1, changed as `change` likes.
    static func run(
        _ change: (inout ServerConfiguration) -> Void = { _ in },
        reading: (@Sendable () throws -> ServerConfiguration)? = nil, _ body: (TestServer) async throws -> Void
    ) async throws {
        let fixture = try TestServer(change, reading: reading)
        do {
            try await fixture.server.start()
            try await body(fixture)
        } catch {
            await fixture.server.stop(isPatient: false)
            throw error
        }
        await fixture.server.stop(isPatient: false)
    }

    init(
        _ change: (inout ServerConfiguration) -> Void, reading: (@Sendable () throws -> ServerConfiguration)? = nil
    ) throws {
        folder = try PrivateFolder(under: "/tmp")
        files = try TestCertificates.make(in: folder.path, tenants: ["ci", "other"], days: 1)
        var configuration = ServerConfiguration(localTenant: try #require(ShortName("local")))
        configuration.tls = .init(
            address: HostPort(host: "127.0.0.1", port: 0), certificateFile: files.serverCertificate,
            keyFile: files.serverKey, clientCAFile: files.authority)
        configuration.loops = 2
        // Whoever does not try out how long the server waits must not find that out on a busy machine.
        configuration.patience.handshake = .seconds(300)
        configuration.patience.line = .seconds(300)
        configuration.patience.linger = .seconds(300)
        configuration.patience.unreachable = .seconds(3000)
        change(&configuration)
        let lines = LogLines()
        log = lines
        let logger = Logger(label: "test") { _ in LogfmtHandler(level: .debug) { lines.append($0) } }
        server = try Server(configuration, logger: logger, reading: reading)
    }

    deinit { folder.remove() }

    var port: UInt16 { server.addresses.tls.first?.port ?? 0 }

    /// A client of one of the tenants `ci` (0) and `other` (1), greeted.
    func client(tenant: Int = 0, receiveBuffer: Int32? = nil) async throws -> TestClient {
        let pair = files.tenants[tenant]
        let context = try clientContext(.init(chainFile: pair.certificate, keyFile: pair.key))
        let client = try TestClient(.tcp(port), tls: context, receiveBuffer: receiveBuffer)
        #expect(try await client.line().hasPrefix("* HMM/1 auth=mtls "))
        return client
    }

    /// A client of the tenant that the transport stands for, greeted.
    func client(over transport: Transport, receiveBuffer: Int32? = nil) async throws -> TestClient {
        switch transport {
        case .tls: return try await client(receiveBuffer: receiveBuffer)
        case .plain:
            let port = try #require(server.addresses.plainLoopback?.port)
            let client = try TestClient(.tcp(port), receiveBuffer: receiveBuffer)
            #expect(try await client.line().hasPrefix("* HMM/1 auth=local "))
            return client
        }
    }

    enum Transport: CaseIterable {
        case tls, plain
    }

    func clientContext(_ certificate: TLSContext.Certificate?, authority: String? = nil) throws -> TLSContext {
        try TLSContext.client(
            certificate: certificate, caFile: authority ?? files.authority, verifyServer: true, minimumVersion: .tls13,
            applicationProtocol: "hmm/1", cipherSuites: nil)
    }

    /// Waits until the server has no tenant.
    func waitUntilEmpty() async throws { try await wait { self.server.context.tenants.count == 0 } }

    /// Waits for something that no event tells of.
    func wait(until condition: () -> Bool) async throws {
        for _ in 0..<3000 {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw TestClient.Failure(description: "it did not happen")
    }
}

/// What a server has logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    func append(_ line: String) { lines.withLock { $0.append(line) } }

    func count(of text: String) -> Int { lines.withLock { $0.count { $0.contains(text) } } }

    func contains(_ text: String) -> Bool { lines.withLock { $0.contains { $0.contains(text) } } }
}
