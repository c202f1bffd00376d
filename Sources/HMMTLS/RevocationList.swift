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
}

extension TLSSession {
    fileprivate var peerCertificate: OpaquePointer? { SSL_get0_peer_certificate(ssl) }
}
