import COpenSSL

extension TLSContext {
    /// The peer's certificate is on a list of revoked ones that this context has; the session may be of another.
    public func hasRevoked(_ session: TLSSession) -> Bool {
        guard let certificate = session.peerCertificate else { return false }
        let store = SSL_CTX_get_cert_store(settings)
        guard X509_STORE_lock(store) == 1 else { return false }
        defer { X509_STORE_unlock(store) }
        let objects = X509_STORE_get0_objects(store)
        return (0..<hmm_sk_X509_OBJECT_num(objects)).contains { index in
            guard let list = X509_OBJECT_get0_X509_CRL(hmm_sk_X509_OBJECT_value(objects, index)),
                X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(certificate)) == 0
            else { return false }
            var entry: OpaquePointer?
            return X509_CRL_get0_by_cert(list, &entry, certificate) == 1
        }
    }

    /// The certificate of the session's peer would be accepted now, as it was by the context that the session is of.
    /// True for a peer without one: whether it may come at all is for others to say.
    public func accepts(_ session: TLSSession) -> Bool {
        guard session.context !== self, SSL_CTX_get_verify_mode(settings) & SSL_VERIFY_PEER != 0,
            let certificate = session.peerCertificate
        else { return true }
        ErrorQueue.clear()
        let check = X509_STORE_CTX_new()
        defer {
            X509_STORE_CTX_free(check)
            ErrorQueue.clear()
        }
        let chain = SSL_get_peer_cert_chain(session.ssl)
        return X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(settings), certificate, chain) == 1
            && X509_STORE_CTX_set_default(check, "ssl_client") == 1 && X509_verify_cert(check) == 1
    }
}

extension TLSSession {
    var peerCertificate: OpaquePointer? { SSL_get0_peer_certificate(ssl) }
}
