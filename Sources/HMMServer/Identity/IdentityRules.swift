public import HMMProtocol
public import HMMTLS

/// Who a client is by what it has shown. In each list the first rule that matches counts.
public struct IdentityRules: Equatable, Sendable {
    /// For clients that show a certificate. Nil: the tenant, and perhaps the role, that the certificate names itself.
    public var certificates: [CertificateRule]?
    public var tokens: [TokenRule] = []
    /// For clients on the Unix socket. Nil: all of them belong to the local tenant.
    public var peers: [PeerRule]?

    public init() {}

    /// Unnamed as well if no rule matches.
    func place(of certificate: ClientIdentity) -> CertificatePlacement {
        guard let certificates else { return CertificatePlacement(certificate) }
        for rule in certificates where rule.match.matches(certificate) {
            let place = rule.place(certificate)
            if place != .unnamed { return place }
        }
        return .unnamed
    }

    func place(of peer: PeerCredentials) -> Placement? {
        peers?.first { $0.matches(peer) }?.placement
    }

    /// The rule that now holds for whoever was let in by `rule`: with another hash it is another token.
    func token(_ rule: TokenRule) -> TokenRule? { tokens.first { $0.id == rule.id && $0.hash == rule.hash } }
}

/// Where a client belongs.
public struct Placement: Equatable, Sendable {
    public var tenant: ShortName
    /// Nil: the one that the tenant's settings name.
    public var role: Role?

    public init(tenant: ShortName, role: Role? = nil) {
        self.tenant = tenant
        self.role = role
    }
}

/// Certificates, and where their clients belong.
public struct CertificateRule: Equatable, Sendable {
    public enum Match: Equatable, Sendable {
        /// Any of the alternative names that are URIs; a `*` at the end stands for anything.
        case uri(String)
        /// The subject's only common name.
        case commonName(String)
        /// SHA-256 of the certificate.
        case fingerprint(String)
        /// SHA-256 of the certificate that signed it.
        case issuer(String)
        /// Every verified certificate.
        case any
    }

    public var match: Match
    /// Nil: the tenant that the certificate names itself; without one the rule does not match.
    public var tenant: ShortName?
    /// Nil: the role that the certificate names itself, if the tenant comes from there, too; else the tenant's.
    public var role: Role?

    public init(_ match: Match, tenant: ShortName?, role: Role? = nil) {
        self.match = match
        self.tenant = tenant
        self.role = role
    }

    /// Where it places a certificate that it matches.
    func place(_ certificate: ClientIdentity) -> CertificatePlacement {
        if let tenant { return .placed(Placement(tenant: tenant, role: role)) }
        let named = CertificatePlacement(certificate)
        guard case .placed(let place) = named else { return named }
        return .placed(Placement(tenant: place.tenant, role: role ?? place.role))
    }
}

extension CertificateRule.Match {
    func matches(_ certificate: ClientIdentity) -> Bool {
        switch self {
        case .uri(let pattern):
            // Byte by byte: a combining character must not hide the end of a prefix.
            guard pattern.utf8.last == UInt8(ascii: "*") else {
                return certificate.uriNames.contains { $0.utf8.elementsEqual(pattern.utf8) }
            }
            return certificate.uriNames.contains { $0.utf8.starts(with: pattern.utf8.dropLast()) }
        case .commonName(let name):
            return certificate.subjectCommonName.map { $0.utf8.elementsEqual(name.utf8) } ?? false
        case .fingerprint(let fingerprint): return certificate.fingerprint == fingerprint
        case .issuer(let fingerprint): return certificate.issuerFingerprint == fingerprint
        case .any: return true
        }
    }
}

/// A token: its public part, and a hash of its secret one.
public struct TokenRule: Equatable, Sendable {
    /// What stands before the dot.
    public var id: String
    /// Of what stands behind it.
    public var hash: ScryptHash
    public var placement: Placement

    public init(id: String, hash: ScryptHash, _ placement: Placement) {
        self.id = id
        self.hash = hash
        self.placement = placement
    }
}

/// Processes on this machine, and where they belong. What is nil matches any.
public struct PeerRule: Equatable, Sendable {
    public var user: UInt32?
    public var group: UInt32?
    public var placement: Placement

    public init(user: UInt32?, group: UInt32?, _ placement: Placement) {
        self.user = user
        self.group = group
        self.placement = placement
    }

    func matches(_ peer: PeerCredentials) -> Bool {
        (user.map { $0 == peer.user } ?? true) && (group.map { peer.groups.contains($0) } ?? true)
    }
}
