import COpenSSL

/// The oldest protocol version a side accepts.
public enum MinimumTLSVersion: String, Sendable {
    case tls12 = "1.2"
    case tls13 = "1.3"
}

/// What a server asks of its clients.
public enum PeerVerification: String, Sendable {
    /// A client without a certificate of the client CA is refused.
    case required
    /// A client may come without a certificate; one it shows must be of the client CA.
    case optional
    /// Clients are not asked for a certificate.
    case off
}

/// Keys, certificates and rules for many connections. Never changes once made, so threads may share it; connections
/// keep the one they started with, so a reload is a new context for new connections.
public final class TLSContext: @unchecked Sendable {
    /// A certificate and its key, as PEM files.
    public struct Certificate: Sendable {
        /// The certificate, followed by its intermediates.
        public var chainFile: String
        /// The private key, without passphrase.
        public var keyFile: String

        public init(chainFile: String, keyFile: String) {
            self.chainFile = chainFile
            self.keyFile = keyFile
        }
    }

    enum Role: Sendable { case server, client }

    let role: Role
    /// Whether a server name given by a session is checked against the certificate.
    let verifiesServer: Bool
    let settings: OpaquePointer
    /// Server's answers during a handshake. OpenSSL holds an unowned pointer to it.
    private let choices: HandshakeChoices?

    private init(role: Role, verifiesServer: Bool, settings: OpaquePointer, choices: HandshakeChoices?) {
        self.role = role
        self.verifiesServer = verifiesServer
        self.settings = settings
        self.choices = choices
    }

    deinit { SSL_CTX_free(settings) }

    /// Settings for accepting connections.
    ///
    /// - Parameters:
    ///   - certificates: the first is the default; another one is chosen if it, and not an earlier one, has the DNS
    ///     name the client asks for. A name nobody has gets the default.
    ///   - clientCAFile: who may sign clients' certificates; needed unless `verification` is `.off`, which ignores it.
    ///   - applicationProtocol: a client offering protocols by ALPN must offer this one.
    ///   - requireALPN: refuse clients that offer no protocol at all.
    ///   - cipherSuites: TLS 1.3 suites, best first, separated by colons.
    ///   - revocationFile: lists of revoked certificates; a client is refused if its authority has none, or an old one.
    /// - Throws: `configuration`, naming the file or setting, if one cannot be used.
    public static func server(
        certificates: [Certificate], clientCAFile: String?, verification: PeerVerification,
        minimumVersion: MinimumTLSVersion, applicationProtocol: String, requireALPN: Bool, cipherSuites: String?,
        revocationFile: String? = nil
    ) throws(TLSError) -> TLSContext {
        guard let first = certificates.first else {
            throw TLSError(kind: .configuration("certificates"), reason: "a server needs at least one")
        }
        let choices = HandshakeChoices(protocolList: try ContextBuilder.protocolList([applicationProtocol]))
        // Other certificates have contexts of their own, equal to the default one in all but the certificate.
        func make(_ certificate: Certificate) throws(TLSError) -> OpaquePointer {
            var builder = try ContextBuilder(role: .server, minimumVersion: minimumVersion, cipherSuites: cipherSuites)
            try builder.use(certificate)
            try builder.verifyClients(verification, caFile: clientCAFile)
            if let revocationFile, verification != .off { try builder.refuseRevoked(revocationFile) }
            builder.answer(choices, requireALPN: requireALPN)
            return builder.take()
        }
        let settings = try make(first)
        choices.add(settings, owned: false)
        let context = TLSContext(role: .server, verifiesServer: false, settings: settings, choices: choices)
        for certificate in certificates.dropFirst() { choices.add(try make(certificate), owned: true) }
        return context
    }

    /// Settings for making connections.
    ///
    /// - Parameters:
    ///   - certificate: shown to servers that ask for one.
    ///   - caFile: who may sign servers' certificates; nil means the system's authorities.
    ///   - verifyServer: false accepts any server, and is for tests.
    ///   - applicationProtocol: offered by ALPN, if given.
    ///   - cipherSuites: TLS 1.3 suites, separated by colons.
    /// - Throws: `configuration`, naming the file or setting, if one cannot be used.
    public static func client(
        certificate: Certificate?, caFile: String?, verifyServer: Bool, minimumVersion: MinimumTLSVersion,
        applicationProtocol: String?, cipherSuites: String?
    ) throws(TLSError) -> TLSContext {
        try client(
            certificate: certificate, caFile: caFile, verifyServer: verifyServer, minimumVersion: minimumVersion,
            maximumVersion: .tls13, applicationProtocol: applicationProtocol, cipherSuites: cipherSuites)
    }

    /// As above, with a ceiling: tests need clients of yesterday.
    package static func client(
        certificate: Certificate?, caFile: String?, verifyServer: Bool, minimumVersion: MinimumTLSVersion,
        maximumVersion: MinimumTLSVersion, applicationProtocol: String?, cipherSuites: String?
    ) throws(TLSError) -> TLSContext {
        var builder = try ContextBuilder(role: .client, minimumVersion: minimumVersion, cipherSuites: cipherSuites)
        try builder.limit(to: maximumVersion)
        if let certificate { try builder.use(certificate) }
        if verifyServer { try builder.verifyServers(caFile: caFile) }
        if let applicationProtocol { try builder.offer(ContextBuilder.protocolList([applicationProtocol])) }
        return TLSContext(role: .client, verifiesServer: verifyServer, settings: builder.take(), choices: nil)
    }
}
