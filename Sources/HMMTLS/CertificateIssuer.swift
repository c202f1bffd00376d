import COpenSSL

/// A certificate authority that lives in memory and signs certificates for new P-256 keys.
struct CertificateIssuer: ~Copyable {
    enum Usage {
        case server
        case client
    }

    private let days: Int
    private let key: OpaquePointer
    private let certificate: OpaquePointer
    let keyPEM: [UInt8]
    let certificatePEM: [UInt8]

    init(days: Int) throws(TLSError) {
        ErrorQueue.clear()
        let key = try Draft.newKey()
        do throws(TLSError) {
            // Without something of its own in the name, two authorities would be mixed up by who reads it.
            let draft = try Draft(commonName: "hmmd test CA \(try Self.randomMark())", key: key, days: days)
            try draft.name(issuer: draft.certificate)
            // pathlen 0: it signs no further authorities.
            try draft.extend(NID_basic_constraints, "critical,CA:TRUE,pathlen:0", issuer: draft.certificate)
            try draft.extend(NID_key_usage, "critical,keyCertSign,cRLSign", issuer: draft.certificate)
            try draft.extend(NID_subject_key_identifier, "hash", issuer: draft.certificate)
            try draft.extend(NID_authority_key_identifier, "keyid:always", issuer: draft.certificate)
            try draft.sign(with: key)
            keyPEM = try PEM.key(key)
            certificatePEM = try PEM.certificate(draft.certificate)
            certificate = draft.take()
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
        self.key = key
        self.days = days
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    /// Makes a key and its certificate, both as PEM.
    ///
    /// - Parameter alternativeNames: in the notation of OpenSSL's configuration files.
    func issue(
        commonName: String, alternativeNames: String, usage: Usage
    ) throws(TLSError) -> (certificate: [UInt8], key: [UInt8]) {
        ErrorQueue.clear()
        let newKey = try Draft.newKey()
        defer { EVP_PKEY_free(newKey) }
        let draft = try Draft(commonName: commonName, key: newKey, days: days)
        try draft.name(issuer: certificate)
        try draft.extend(NID_basic_constraints, "critical,CA:FALSE", issuer: certificate)
        try draft.extend(NID_key_usage, "critical,digitalSignature", issuer: certificate)
        try draft.extend(NID_ext_key_usage, usage == .server ? "serverAuth" : "clientAuth", issuer: certificate)
        try draft.extend(NID_subject_alt_name, alternativeNames, issuer: certificate)
        try draft.extend(NID_subject_key_identifier, "hash", issuer: certificate)
        try draft.extend(NID_authority_key_identifier, "keyid:always", issuer: certificate)
        try draft.sign(with: key)
        return (try PEM.certificate(draft.certificate), try PEM.key(newKey))
    }

    private static func randomMark() throws(TLSError) -> String {
        try Draft.randomBytes(2).map { String(Int($0) + 256, radix: 16).dropFirst() }.joined()
    }
}

/// A certificate being made.
private struct Draft: ~Copyable {
    private var owned: OpaquePointer?
    let certificate: OpaquePointer

    init(commonName: String, key: OpaquePointer, days: Int) throws(TLSError) {
        guard let certificate = X509_new() else { throw .library("cannot create a certificate") }
        owned = certificate
        self.certificate = certificate
        // OpenSSL counts from 0, so this is version 3, the first to have extensions.
        var isFilled = X509_set_version(certificate, 2) == 1
        isFilled = isFilled && X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != nil
        isFilled = isFilled && X509_time_adj_ex(X509_getm_notAfter(certificate), Int32(days), 0, nil) != nil
        isFilled = isFilled && X509_set_pubkey(certificate, key) == 1
        let text = Array(commonName.utf8)
        isFilled =
            isFilled
            && X509_NAME_add_entry_by_NID(
                X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8, text, Int32(text.count), -1, 0) == 1
        guard isFilled else { throw .library("cannot fill in a certificate") }
        try setSerial()
    }

    deinit { X509_free(owned) }

    /// Hands out the finished certificate; the caller frees it.
    consuming func take() -> OpaquePointer {
        owned = nil
        return certificate
    }

    private func setSerial() throws(TLSError) {
        var bytes = try Self.randomBytes(16)
        // Positive, and not zero.
        bytes[0] = bytes[0] & 0x7f | 0x40
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else { throw .library("cannot make a serial") }
        defer { BN_free(number) }
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else {
            throw .library("cannot make a serial")
        }
    }

    func name(issuer: OpaquePointer) throws(TLSError) {
        guard X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 else {
            throw .library("cannot name the issuer")
        }
    }

    func extend(_ kind: Int32, _ value: String, issuer: OpaquePointer) throws(TLSError) {
        var surroundings = X509V3_CTX()
        X509V3_set_ctx(&surroundings, issuer, certificate, nil, nil, 0)
        guard let made = X509V3_EXT_conf_nid(nil, &surroundings, kind, value) else {
            throw .library("cannot make the extension '\(value)'")
        }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(certificate, made, -1) == 1 else { throw .library("cannot add the extension '\(value)'") }
    }

    func sign(with key: OpaquePointer) throws(TLSError) {
        guard X509_sign(certificate, key, EVP_sha256()) > 0 else { throw .library("cannot sign a certificate") }
    }

    static func newKey() throws(TLSError) -> OpaquePointer {
        guard let key = hmm_EVP_EC_gen("P-256") else { throw .library("cannot make a key") }
        return key
    }

    static func randomBytes(_ count: Int) throws(TLSError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, Int32(count)) == 1 else { throw .library("no random numbers") }
        return bytes
    }
}

/// Keys and certificates as text.
private enum PEM {
    static func certificate(_ certificate: OpaquePointer) throws(TLSError) -> [UInt8] {
        try text { PEM_write_bio_X509($0, certificate) }
    }

    /// PKCS #8, without passphrase.
    static func key(_ key: OpaquePointer) throws(TLSError) -> [UInt8] {
        try text { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    private static func text(_ write: (OpaquePointer) -> Int32) throws(TLSError) -> [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { throw .library("cannot write PEM") }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw .library("cannot write PEM") }
        var start: UnsafeMutablePointer<CChar>?
        let count = hmm_BIO_get_mem_data(bio, &start)
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}
