import COpenSSL

extension TLSError {
    /// Says what a failed call on a connection means.
    ///
    /// - Parameters:
    ///   - entries: the error queue just after the call.
    ///   - verifyResult: OpenSSL's verdict on the peer's certificate.
    static func session(
        _ entries: [QueuedError], verifyResult: Int, handshakeComplete: Bool, inputHasEnded: Bool
    ) -> TLSError {
        if entries.contains(where: { $0.isTLS(SSL_R_UNEXPECTED_EOF_WHILE_READING) })
            || (entries.isEmpty && inputHasEnded)
        {
            return TLSError(kind: .peerClosedWithoutNotify, reason: "the peer closed without close_notify")
        }
        if entries.contains(where: { $0.isTLS(SSL_R_CERTIFICATE_VERIFY_FAILED) }) {
            return TLSError(kind: .handshake, reason: String(cString: X509_verify_cert_error_string(verifyResult)))
        }
        for entry in entries {
            if let alert = entry.alertFromPeer {
                let isRefusal = !handshakeComplete || refusals.contains(alert)
                return TLSError(
                    kind: isRefusal ? .handshake : .protocolViolation, reason: "alert from peer: \(name(alert))")
            }
            if let text = notTLS(entry) { return TLSError(kind: .protocolViolation, reason: text) }
            // The only callback that can fail a handshake is the one that insists on ALPN.
            if entry.isTLS(SSL_R_CALLBACK_FAILED) {
                return TLSError(kind: .handshake, reason: "the client offered no application protocol")
            }
        }
        let text = ErrorQueue.text(of: entries)
        return TLSError(
            kind: handshakeComplete ? .protocolViolation : .handshake, reason: text.isEmpty ? "unknown error" : text)
    }

    /// Alerts by which a TLS 1.3 server refuses a client after the client thinks the handshake is done.
    private static let refusals: Set<Int32> = [
        SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
        SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA, SSL_AD_ACCESS_DENIED,
        SSL_AD_HANDSHAKE_FAILURE, TLS13_AD_CERTIFICATE_REQUIRED,
    ]

    private static func name(_ alert: Int32) -> String {
        switch alert {
        // Newer than OpenSSL's table.
        case TLS13_AD_MISSING_EXTENSION: "missing extension"
        case TLS13_AD_CERTIFICATE_REQUIRED: "certificate required"
        default: String(cString: SSL_alert_desc_string_long(alert))
        }
    }

    private static func notTLS(_ entry: QueuedError) -> String? {
        guard entry.library == ERR_LIB_SSL else { return nil }
        return switch entry.reason {
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST: "plain-text HTTP request"
        case SSL_R_WRONG_VERSION_NUMBER: "not a TLS record"
        default: nil
        }
    }
}
