internal import Glibc
public import HMMTLS

/// How to reach a server, and as whom.
public struct ConnectionOptions: Sendable {
    public var endpoint: Endpoint
    /// Who may sign the server's certificate, as a PEM file; nil means the system's authorities.
    public var authorityFile: String?
    /// Who we are. Nil shows no certificate, which most servers refuse.
    public var certificate: TLSContext.Certificate?
    /// What `hmmd token make` printed, instead of a certificate. Shown over TLS only, to a server that is verified and
    /// asks for it.
    public var token: String?
    /// The name the server's certificate must hold; nil means the host of the endpoint.
    public var serverName: String?
    /// False accepts any server, and is for tests.
    public var verifiesServer = true
    /// Time for TCP, TLS and the greeting together, in milliseconds.
    public var connectMilliseconds: Int64 = 10_000

    public init(endpoint: Endpoint) { self.endpoint = endpoint }

    /// What `HMMD_URI`, `HMMD_CA`, `HMMD_CERT` and `HMMD_KEY` say; without a URI, the default port of this machine.
    /// Over TLS and without a certificate also `HMMD_TOKEN`, or else the file that `HMMD_TOKEN_FILE` names.
    ///
    /// - Parameter tenant: 2 reads `HMMD_CERT_2` and so on, the second tenant's, instead.
    /// - Throws: `options` for a malformed URI, a certificate without key, or no token where one should be.
    public static func fromEnvironment(uri: String? = nil, tenant: Int = 1) throws(ClientError) -> ConnectionOptions {
        let address = uri ?? variable("HMMD_URI") ?? "hmms://localhost"
        var options = ConnectionOptions(endpoint: try Endpoint(address))
        let suffix = tenant == 1 ? "" : "_\(tenant)"
        options.authorityFile = variable("HMMD_CA")
        options.certificate = try pair(
            variable("HMMD_CERT\(suffix)"), variable("HMMD_KEY\(suffix)"), "HMMD_CERT\(suffix)", "HMMD_KEY\(suffix)")
        if case .tls = options.endpoint, options.certificate == nil { options.token = try token(suffix) }
        return options
    }

    private static func token(_ suffix: String) throws(ClientError) -> String? {
        if let text = variable("HMMD_TOKEN\(suffix)") { return try token(text, from: "HMMD_TOKEN\(suffix)") }
        guard let file = variable("HMMD_TOKEN_FILE\(suffix)") else { return nil }
        return try token(inFile: file)
    }

    /// A certificate from its two files; a key in the file of the certificate need not be named.
    static func pair(
        _ chain: String?, _ key: String?, _ chainName: String, _ keyName: String
    ) throws(ClientError) -> TLSContext.Certificate? {
        guard let chain else {
            if key != nil { throw .options("\(keyName) needs \(chainName)") }
            return nil
        }
        return TLSContext.Certificate(chainFile: chain, keyFile: key ?? chain)
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// Settings that many connections may share; nil for an endpoint without TLS.
    ///
    /// - Throws: `options`, naming the file that cannot be used, or where a token must not be shown.
    public func makeContext() throws(ClientError) -> TLSContext? {
        try checkToken()
        guard case .tls = endpoint else { return nil }
        do throws(TLSError) {
            return try TLSContext.client(
                certificate: certificate, caFile: authorityFile, verifyServer: verifiesServer,
                minimumVersion: .tls13, applicationProtocol: "hmm/1", cipherSuites: nil)
        } catch {
            throw .options("\(error)")
        }
    }

    /// The name to look for in the server's certificate.
    var expectedName: String? {
        guard case .tls(let host, _) = endpoint else { return nil }
        return serverName ?? host
    }
}
