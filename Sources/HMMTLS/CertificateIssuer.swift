/// A certificate authority that lives in memory and signs certificates for new P-256 keys.
struct CertificateIssuer {
    enum Usage {
        case server
        case client
    }

    private let days: Int
    private let key: PrivateKey
    private let certificate: CertificateDraft

    init(days: Int) throws(TLSError) {
        ErrorQueue.clear()
        self.days = days
        key = try PrivateKey()
        // Without something of its own in the name, two authorities would be mixed up by who reads it.
        let mark = try SecureRandom.bytes(2).map { String(Int($0) + 256, radix: 16).dropFirst() }.joined()
        certificate = try CertificateDraft(commonName: "hmmd test CA \(mark)", key: key, days: days)
        try certificate.name(issuer: certificate)
        // pathlen 0: it signs no further authorities.
        try certificate.add(.basicConstraints, "critical,CA:TRUE,pathlen:0", issuer: certificate)
        try certificate.add(.keyUsage, "critical,keyCertSign,cRLSign", issuer: certificate)
        try certificate.add(.subjectKeyIdentifier, "hash", issuer: certificate)
        try certificate.add(.authorityKeyIdentifier, "keyid:always", issuer: certificate)
        try certificate.sign(with: key)
    }

    func certificatePEM() throws(TLSError) -> [UInt8] { try certificate.pem() }

    func keyPEM() throws(TLSError) -> [UInt8] { try key.pem() }

    /// Makes a key and its certificate, both as PEM.
    ///
    /// - Parameter alternativeNames: in the notation of OpenSSL's configuration files.
    func issue(
        commonName: String, alternativeNames: String, usage: Usage
    ) throws(TLSError) -> (certificate: [UInt8], key: [UInt8]) {
        ErrorQueue.clear()
        let newKey = try PrivateKey()
        let draft = try CertificateDraft(commonName: commonName, key: newKey, days: days)
        try draft.name(issuer: certificate)
        try draft.add(.basicConstraints, "critical,CA:FALSE", issuer: certificate)
        try draft.add(.keyUsage, "critical,digitalSignature", issuer: certificate)
        try draft.add(.extendedKeyUsage, usage == .server ? "serverAuth" : "clientAuth", issuer: certificate)
        try draft.add(.subjectAlternativeName, alternativeNames, issuer: certificate)
        try draft.add(.subjectKeyIdentifier, "hash", issuer: certificate)
        try draft.add(.authorityKeyIdentifier, "keyid:always", issuer: certificate)
        try draft.sign(with: key)
        return (try draft.pem(), try newKey.pem())
    }
}
