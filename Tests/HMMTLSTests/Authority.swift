import Foundation
import HMMTLS

/// A test CA in a directory of its own, which goes away with it.
final class Authority {
    let folder: String
    let files: TestCertificates.Files

    init(serverNames: [String] = ["localhost", "127.0.0.1", "::1"], tenants: [String] = ["ci"]) throws {
        folder = Authority.newFolder()
        files = try TestCertificates.make(in: folder, serverNames: serverNames, tenants: tenants)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static func newFolder() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("hmmtls-\(UUID().uuidString)").path
    }

    var serverPair: TLSContext.Certificate {
        TLSContext.Certificate(chainFile: files.serverCertificate, keyFile: files.serverKey)
    }

    func clientPair(_ index: Int = 0) -> TLSContext.Certificate {
        TLSContext.Certificate(chainFile: files.tenants[index].certificate, keyFile: files.tenants[index].key)
    }

    func server(
        others: [TLSContext.Certificate] = [], verification: PeerVerification = .required,
        minimumVersion: MinimumTLSVersion = .tls13, requireALPN: Bool = false, cipherSuites: String? = nil
    ) throws -> TLSContext {
        try TLSContext.server(
            certificates: [serverPair] + others, clientCAFile: verification == .off ? nil : files.authority,
            verification: verification, minimumVersion: minimumVersion, applicationProtocol: "hmm/1",
            requireALPN: requireALPN, cipherSuites: cipherSuites)
    }

    func client(
        certificate: TLSContext.Certificate?, verifyServer: Bool = true, minimumVersion: MinimumTLSVersion = .tls13,
        applicationProtocol: String? = "hmm/1", cipherSuites: String? = nil
    ) throws -> TLSContext {
        try TLSContext.client(
            certificate: certificate, caFile: files.authority, verifyServer: verifyServer,
            minimumVersion: minimumVersion, applicationProtocol: applicationProtocol, cipherSuites: cipherSuites)
    }

    /// A client with the first tenant's certificate.
    func client() throws -> TLSContext { try client(certificate: clientPair()) }

    /// A client that knows TLS 1.2 only.
    func oldClient() throws -> TLSContext {
        try TLSContext.client(
            certificate: clientPair(), caFile: files.authority, verifyServer: true, minimumVersion: .tls12,
            maximumVersion: .tls12, applicationProtocol: "hmm/1", cipherSuites: nil)
    }

    func conversation(serverName: String? = "localhost") throws -> Conversation {
        try Conversation(server: server(), client: client(), serverName: serverName)
    }
}

/// The `openssl` command, for what our own code cannot judge or make.
enum OpenSSLCommand {
    static let path = ["/usr/bin/openssl", "/usr/local/bin/openssl"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    static var exists: Bool { path != nil }

    /// Returns the exit code and everything printed.
    static func run(_ arguments: String...) throws -> (code: Int32, text: String) { try run(arguments) }

    static func run(_ arguments: [String]) throws -> (code: Int32, text: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: path ?? "openssl")
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
