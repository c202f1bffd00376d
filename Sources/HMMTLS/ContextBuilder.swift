import COpenSSL

/// Fills an `SSL_CTX` step by step; frees it if a step fails.
struct ContextBuilder: ~Copyable {
    private var settings: OpaquePointer?

    init(role: TLSContext.Role, minimumVersion: MinimumTLSVersion, cipherSuites: String?) throws(TLSError) {
        ErrorQueue.clear()
        guard let settings = SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
            throw .library("cannot create a context")
        }
        self.settings = settings
        Self.setRules(settings)
        guard hmm_SSL_CTX_set_min_proto_version(settings, Self.number(minimumVersion)) == 1 else {
            throw .configuration("minimum TLS version \(minimumVersion.rawValue)", fallback: "not supported")
        }
        try Self.setAlgorithms(settings, cipherSuites: cipherSuites)
    }

    deinit { SSL_CTX_free(settings) }

    /// Hands out the finished context; the caller frees it.
    consuming func take() -> OpaquePointer {
        let finished = settings
        settings = nil
        // Only this method clears the pointer, and it ends the builder's life.
        return finished.unsafelyUnwrapped
    }

    private static func number(_ version: MinimumTLSVersion) -> Int32 {
        switch version {
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }

    mutating func limit(to maximumVersion: MinimumTLSVersion) throws(TLSError) {
        guard hmm_SSL_CTX_set_max_proto_version(settings, Self.number(maximumVersion)) == 1 else {
            throw .configuration("maximum TLS version \(maximumVersion.rawValue)", fallback: "not supported")
        }
    }

    private static func setRules(_ settings: OpaquePointer) {
        // Renegotiation and compression have been attack paths and have no use here.
        SSL_CTX_set_options(
            settings,
            HMM_SSL_OP_NO_RENEGOTIATION | HMM_SSL_OP_NO_COMPRESSION | HMM_SSL_OP_NO_TICKET
                | HMM_SSL_OP_CIPHER_SERVER_PREFERENCE)
        // Saves the dummy records which only help against broken middleboxes on the web's port.
        SSL_CTX_clear_options(settings, HMM_SSL_OP_ENABLE_MIDDLEBOX_COMPAT)
        // Idle connections give their record buffers back. A write may end after a record, and be resumed from a
        // buffer that moved. A read goes on by itself after a record that held no data. The chain sent is that of the
        // file: OpenSSL would add the authorities we trust for other purposes.
        hmm_SSL_CTX_set_mode(
            settings,
            Int(
                SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                    | SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN))
        hmm_SSL_CTX_set_read_ahead(settings, 1)
        // No resumption: connections live long, and a resumed one would keep an identity that was checked against
        // certificates and authorities of before a reload. Every connection proves its key afresh.
        hmm_SSL_CTX_set_session_cache_mode(settings, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_num_tickets(settings, 0)
        // Early data can be replayed.
        SSL_CTX_set_max_early_data(settings, 0)
        // What a stranger may make us buffer before being known. A chain of some ten certificates fits.
        hmm_SSL_CTX_set_max_cert_list(settings, 32 * 1024)
        // Asking for a passphrase would stop a daemon; the callback's data is set where keys are read.
        SSL_CTX_set_default_passwd_cb(settings) { _, _, _, wasAsked in
            wasAsked?.storeBytes(of: true, as: Bool.self)
            return -1
        }
    }

    private static func setAlgorithms(_ settings: OpaquePointer, cipherSuites: String?) throws(TLSError) {
        guard hmm_SSL_CTX_set1_groups_list(settings, "X25519:P-256") == 1 else {
            throw .library("cannot set the key exchange groups")
        }
        // TLS 1.2, where allowed: forward secrecy and authenticated encryption only.
        guard SSL_CTX_set_cipher_list(settings, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 else {
            throw .library("cannot set the TLS 1.2 ciphers")
        }
        let suites = cipherSuites ?? "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
        let subject = "cipher suites \(suites)"
        guard SSL_CTX_set_ciphersuites(settings, suites) == 1 else {
            throw .configuration(subject, fallback: "not usable")
        }
        // OpenSSL skips names it does not know, so look for each.
        let known = Self.cipherNames(settings)
        for name in suites.split(separator: ":", omittingEmptySubsequences: false) where !known.contains(String(name)) {
            ErrorQueue.clear()
            throw TLSError(kind: .configuration(subject), reason: "unknown TLS 1.3 suite '\(name)'")
        }
    }

    private static func cipherNames(_ settings: OpaquePointer) -> [String] {
        let ciphers = SSL_CTX_get_ciphers(settings)
        return (0..<hmm_sk_SSL_CIPHER_num(ciphers)).compactMap { index in
            SSL_CIPHER_get_name(hmm_sk_SSL_CIPHER_value(ciphers, index)).map { String(cString: $0) }
        }
    }

    /// Names in the form ALPN has on the wire: each behind its length.
    static func protocolList(_ names: [String]) throws(TLSError) -> [UInt8] {
        var list: [UInt8] = []
        for name in names {
            guard (1...255).contains(name.utf8.count) else {
                throw TLSError(
                    kind: .configuration("application protocol '\(name)'"), reason: "must have 1 to 255 bytes")
            }
            list.append(UInt8(name.utf8.count))
            list.append(contentsOf: name.utf8)
        }
        return list
    }
}

// MARK: Certificates

extension ContextBuilder {
    mutating func use(_ certificate: TLSContext.Certificate) throws(TLSError) {
        ErrorQueue.clear()
        guard SSL_CTX_use_certificate_chain_file(settings, certificate.chainFile) == 1 else {
            throw .configuration(certificate.chainFile, fallback: "not a certificate")
        }
        var wasAskedForPassphrase = false
        let loaded = withUnsafeMutablePointer(to: &wasAskedForPassphrase) { flag in
            SSL_CTX_set_default_passwd_cb_userdata(settings, flag)
            defer { SSL_CTX_set_default_passwd_cb_userdata(settings, nil) }
            return SSL_CTX_use_PrivateKey_file(settings, certificate.keyFile, SSL_FILETYPE_PEM) == 1
        }
        let matches = loaded && SSL_CTX_check_private_key(settings) == 1
        if matches { return }
        let errors = ErrorQueue.drain()
        let text = ErrorQueue.text(of: errors)
        let reason =
            if wasAskedForPassphrase {
                "the key is protected by a passphrase; give one without"
            } else if loaded || errors.contains(where: Self.saysMismatch) {
                "the key does not belong to the certificate in \(certificate.chainFile)"
            } else {
                text.isEmpty ? "not a private key in PEM form" : text
            }
        throw TLSError(kind: .configuration(certificate.keyFile), reason: reason)
    }

    private static func saysMismatch(_ error: QueuedError) -> Bool {
        error.library == ERR_LIB_X509
            && (error.reason == X509_R_KEY_VALUES_MISMATCH || error.reason == X509_R_KEY_TYPE_MISMATCH)
    }

    mutating func verifyClients(_ verification: PeerVerification, caFile: String?) throws(TLSError) {
        if verification == .off {
            SSL_CTX_set_verify(settings, SSL_VERIFY_NONE, nil)
            return
        }
        guard let caFile else {
            throw TLSError(
                kind: .configuration("client CA file"), reason: "missing, but client certificates are to be verified")
        }
        try trust(caFile)
        // Tells clients which of their certificates to show. The context owns the list.
        guard let names = SSL_load_client_CA_file(caFile) else {
            throw .configuration(caFile, fallback: "holds no certificates")
        }
        SSL_CTX_set_client_CA_list(settings, names)
        let strict = verification == .required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
        SSL_CTX_set_verify(settings, SSL_VERIFY_PEER | strict, nil)
        // Without it OpenSSL refuses, loudly, any client that tries to resume.
        guard SSL_CTX_set_session_id_context(settings, Array("hmm".utf8), 3) == 1 else {
            throw .library("cannot set the session id context")
        }
    }

    /// Refuses clients whose own certificate is on a list of its authority, or whose authority has no list of today.
    mutating func refuseRevoked(_ file: String) throws(TLSError) {
        ErrorQueue.clear()
        let store = SSL_CTX_get_cert_store(settings)
        guard let lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file()),
            X509_load_crl_file(lookup, file, X509_FILETYPE_PEM) > 0
        else { throw .configuration(file, fallback: "holds no certificate revocation lists") }
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK))
    }

    mutating func verifyServers(caFile: String?) throws(TLSError) {
        if let caFile {
            try trust(caFile)
        } else if SSL_CTX_set_default_verify_paths(settings) != 1 {
            throw .configuration("system certificate authorities", fallback: "cannot be loaded")
        }
        SSL_CTX_set_verify(settings, SSL_VERIFY_PEER, nil)
    }

    private mutating func trust(_ caFile: String) throws(TLSError) {
        ErrorQueue.clear()
        guard SSL_CTX_load_verify_file(settings, caFile) == 1 else {
            throw .configuration(caFile, fallback: "holds no certificates")
        }
    }

    /// Offers protocols as a client.
    mutating func offer(_ protocolList: [UInt8]) throws(TLSError) {
        // Unlike its neighbours this call returns 0 for success.
        guard SSL_CTX_set_alpn_protos(settings, protocolList, UInt32(protocolList.count)) == 0 else {
            throw .library("cannot set the application protocol")
        }
    }

    /// Answers clients' offers and wishes as a server. The context must not outlive `choices`.
    mutating func answer(_ choices: HandshakeChoices, requireALPN: Bool) {
        guard let settings else { return }
        choices.install(in: settings, requireALPN: requireALPN)
    }
}
