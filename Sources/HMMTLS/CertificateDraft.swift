import COpenSSL

/// A certificate being made.
final class CertificateDraft {
    enum Extension {
        case basicConstraints
        case keyUsage
        case extendedKeyUsage
        case subjectAlternativeName
        case subjectKeyIdentifier
        case authorityKeyIdentifier

        fileprivate var number: Int32 {
            switch self {
            case .basicConstraints: NID_basic_constraints
            case .keyUsage: NID_key_usage
            case .extendedKeyUsage: NID_ext_key_usage
            case .subjectAlternativeName: NID_subject_alt_name
            case .subjectKeyIdentifier: NID_subject_key_identifier
            case .authorityKeyIdentifier: NID_authority_key_identifier
            }
        }
    }

    private let certificate: OpaquePointer

    /// Without issuer, extensions and signature; valid from an hour ago.
    init(commonName: String, key: PrivateKey, days: Int) throws(TLSError) {
        guard let certificate = X509_new() else { throw .library("cannot create a certificate") }
        self.certificate = certificate
        let text = Array(commonName.utf8)
        // OpenSSL counts versions from 0: 2 means version 3, the first to have extensions.
        guard X509_set_version(certificate, 2) == 1,
            X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != nil,
            X509_time_adj_ex(X509_getm_notAfter(certificate), Int32(days), 0, nil) != nil,
            X509_set_pubkey(certificate, key.pointer) == 1,
            X509_NAME_add_entry_by_NID(
                X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8, text, Int32(text.count), -1, 0) == 1
        else { throw .library("cannot fill in a certificate") }
        try setRandomSerial()
    }

    deinit { X509_free(certificate) }

    private func setRandomSerial() throws(TLSError) {
        var bytes = try SecureRandom.bytes(16)
        // Positive, and of full length.
        bytes[0] = bytes[0] & 0x7f | 0x40
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else { throw .library("cannot make a serial") }
        defer { BN_free(number) }
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else {
            throw .library("cannot make a serial")
        }
    }

    func name(issuer: CertificateDraft) throws(TLSError) {
        guard X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate)) == 1 else {
            throw .library("cannot name the issuer")
        }
    }

    /// - Parameter value: in the notation of OpenSSL's configuration files.
    func add(_ kind: Extension, _ value: String, issuer: CertificateDraft) throws(TLSError) {
        var surroundings = X509V3_CTX()
        X509V3_set_ctx(&surroundings, issuer.certificate, certificate, nil, nil, 0)
        guard let made = X509V3_EXT_conf_nid(nil, &surroundings, kind.number, value) else {
            throw .library("cannot make the extension '\(value)'")
        }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(certificate, made, -1) == 1 else { throw .library("cannot add the extension '\(value)'") }
    }

    func sign(with key: PrivateKey) throws(TLSError) {
        guard X509_sign(certificate, key.pointer, EVP_sha256()) > 0 else {
            throw .library("cannot sign a certificate")
        }
    }

    func pem() throws(TLSError) -> [UInt8] { try PEM.text { PEM_write_bio_X509($0, certificate) } }
}
