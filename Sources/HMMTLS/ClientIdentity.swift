/// Whom a verified certificate names. What that makes its client is for others to say.
public struct ClientIdentity: Equatable, Sendable {
    /// Nil as well if the subject has several common names, because it would not be clear which one counts.
    public var subjectCommonName: String?
    /// Subject alternative names, in the certificate's order.
    public var uriNames: [String]
    public var dnsNames: [String]
    /// URI names with a NUL or without being UTF-8, as far as they can be shown. Nobody is named by such, and who seems
    /// to be must not be let in by another name either.
    public var illegibleURINames: [String]
    /// Lower-case hexadecimal, as are fingerprints.
    public var serial: String
    /// SHA-256 of the whole certificate.
    public var fingerprint: String
    /// SHA-256 of the certificate that signed it; nil if that is not known.
    public var issuerFingerprint: String?

    public init(
        subjectCommonName: String?, uriNames: [String], dnsNames: [String], illegibleURINames: [String] = [],
        serial: String, fingerprint: String, issuerFingerprint: String? = nil
    ) {
        self.illegibleURINames = illegibleURINames
        self.subjectCommonName = subjectCommonName
        self.uriNames = uriNames
        self.dnsNames = dnsNames
        self.serial = serial
        self.fingerprint = fingerprint
        self.issuerFingerprint = issuerFingerprint
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
