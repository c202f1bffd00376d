import COpenSSL

/// What was agreed on. Meaningful once the handshake is complete.
extension TLSSession {
    /// The protocol chosen by ALPN, if any.
    public var negotiatedProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        guard let name, length > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }

    /// For example `TLSv1.3`.
    public var negotiatedVersion: String { String(cString: SSL_get_version(ssl)) }

    /// For example `TLS_AES_128_GCM_SHA256`; `none` before the handshake.
    public var cipher: String {
        guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_get_name(cipher) else { return "none" }
        return String(cString: name)
    }

    /// The server name the client asked for. Any bytes the client likes: do not print it unescaped.
    public var serverNameRequested: String? {
        SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }

    /// Whom the peer's certificate names. Nil if there is none, or if it was not verified. Made anew on each call.
    public var peer: ClientIdentity? {
        guard SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER != 0, SSL_get_verify_result(ssl) == X509_V_OK,
            let certificate = SSL_get0_peer_certificate(ssl)
        else { return nil }
        var identity = ClientIdentity(certificate: certificate)
        let chain = SSL_get0_verified_chain(ssl)
        if hmm_sk_X509_num(chain) > 1, let issuer = hmm_sk_X509_value(chain, 1) {
            identity.issuerFingerprint = ClientIdentity.fingerprint(issuer)
        }
        return identity
    }
}
