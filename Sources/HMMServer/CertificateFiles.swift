internal import HMMTLS
internal import Logging
internal import Synchronization

/// The TLS settings for new connections, made from files that can be read again.
final class CertificateFiles: Sendable {
    private let context: Mutex<TLSContext>

    /// - Throws: `TLSError`, naming the file or setting that cannot be used.
    init(_ configuration: ServerConfiguration.TLS) throws(TLSError) {
        context = Mutex(try Self.load(configuration))
    }

    var current: TLSContext { context.withLock { $0 } }

    /// Reads everything again. If a file cannot be used, all stay as they were.
    ///
    /// - Throws: `TLSError` as above.
    func reload(_ configuration: ServerConfiguration.TLS) throws(TLSError) {
        let fresh = try Self.load(configuration)
        context.withLock { $0 = fresh }
    }

    static func load(_ configuration: ServerConfiguration.TLS) throws(TLSError) -> TLSContext {
        try TLSContext.server(
            certificates: [.init(chainFile: configuration.certificateFile, keyFile: configuration.keyFile)],
            clientCAFile: configuration.clientCAFile, verification: configuration.verification,
            minimumVersion: configuration.minimumVersion, applicationProtocol: "hmm/1",
            requireALPN: configuration.requireALPN, cipherSuites: nil, revocationFile: configuration.revocationFile)
    }
}
