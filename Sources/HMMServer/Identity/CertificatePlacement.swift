internal import HMMProtocol
internal import HMMTLS

/// Where a certificate itself says that its client belongs: in its first alternative name `hmm://TENANT` or
/// `hmm://TENANT/ROLE`, else in the subject's only common name.
enum CertificatePlacement: Equatable {
    case placed(Placement)
    /// It says nothing of it.
    case unnamed
    /// One of the alternative names means us and is none of the two forms. A misspelt role must not let its client in
    /// as what somebody without a role is, so nothing else in the certificate counts.
    case malformed(String)

    init(_ certificate: ClientIdentity) {
        let ours = certificate.uriNames.filter { Self.isOurs($0) }
        let places = ours.map { Self.place($0) }
        if let illegible = certificate.illegibleURINames.first(where: { Self.isOurs($0) }) {
            self = .malformed(illegible)
        } else if let bad = places.firstIndex(of: nil) {
            self = .malformed(ours[bad])
        } else if let place = places.first ?? certificate.subjectCommonName.flatMap({ Self.place($0.utf8[...]) }) {
            self = .placed(place)
        } else {
            self = .unnamed
        }
    }

    /// Schemes have no case.
    private static func isOurs(_ uri: String) -> Bool {
        let scheme = uri.utf8.prefix { $0 != UInt8(ascii: ":") }
        return scheme.count < uri.utf8.count && scheme.map { $0 | 0x20 } == Array("hmm".utf8)
    }

    private static func place(_ uri: String) -> Placement? {
        let scheme = "hmm://".utf8
        guard uri.utf8.starts(with: scheme) else { return nil }
        let rest = uri.utf8.dropFirst(scheme.count)
        // Byte by byte: a combining character must not hide the slash before it.
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return place(rest) }
        guard let placement = place(rest[..<slash]),
            let role = String(rest[slash...].dropFirst()).flatMap({ Role(rawValue: $0) })
        else { return nil }
        return Placement(tenant: placement.tenant, role: role)
    }

    private static func place(_ name: Substring.UTF8View) -> Placement? {
        String(name).flatMap { ServerConfiguration.tenantName($0) }.map { Placement(tenant: $0) }
    }
}
