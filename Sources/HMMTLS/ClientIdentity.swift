/// Whom a verified certificate names.
public struct ClientIdentity: Equatable, Sendable {
    /// Nil as well if the subject has several common names, because it would not be clear which one counts.
    public var subjectCommonName: String?
    /// Subject alternative names, in the certificate's order.
    public var uriNames: [String]
    public var dnsNames: [String]
    /// Lower-case hexadecimal, as are fingerprints.
    public var serial: String
    /// SHA-256 of the whole certificate.
    public var fingerprint: String
    /// SHA-256 of the certificate that signed it; nil if that is not known.
    public var issuerFingerprint: String?

    public init(
        subjectCommonName: String?, uriNames: [String], dnsNames: [String], serial: String, fingerprint: String,
        issuerFingerprint: String? = nil
    ) {
        self.subjectCommonName = subjectCommonName
        self.uriNames = uriNames
        self.dnsNames = dnsNames
        self.serial = serial
        self.fingerprint = fingerprint
        self.issuerFingerprint = issuerFingerprint
    }

    /// The tenant: of the first alternative name `hmm://TENANT` or `hmm://TENANT/…` with a legal TENANT, else the
    /// common name if that is legal.
    public var tenant: String? {
        for uri in uriNames {
            if let name = Self.tenant(ofURI: uri) { return name }
        }
        return subjectCommonName.flatMap { Self.isLegalTenant($0) ? $0 : nil }
    }

    private static func tenant(ofURI uri: String) -> String? {
        let scheme = "hmm://".utf8
        guard uri.utf8.starts(with: scheme) else { return nil }
        // Byte by byte: a combining character must not hide the slash before it.
        let host = String(uri.utf8.dropFirst(scheme.count).prefix { $0 != UInt8(ascii: "/") })
        return host.flatMap { isLegalTenant($0) ? $0 : nil }
    }

    /// What follows the tenant in the alternative name that `tenant` comes from: `driver` of `hmm://ci/driver`. Nil if
    /// nothing does. Whether it is a role is for others to know.
    public var roleName: String? {
        guard let uri = uriNames.first(where: { Self.tenant(ofURI: $0) != nil }) else { return nil }
        let path = uri.utf8.dropFirst("hmm://".utf8.count).drop { $0 != UInt8(ascii: "/") }.dropFirst()
        return path.isEmpty ? nil : String(path)
    }

    /// 1 to 32 characters of `a-z 0-9 . -`, the first a letter.
    public static func isLegalTenant(_ name: String) -> Bool {
        let bytes = name.utf8
        guard (1...32).contains(bytes.count), let first = bytes.first else { return false }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return letters.contains(first)
            && bytes.allSatisfy {
                letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
            }
    }
}
