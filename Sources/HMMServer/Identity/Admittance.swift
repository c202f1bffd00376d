internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS

/// What a client has shown of itself. A certificate is the session's to keep.
enum Evidence {
    case certificate
    /// A token, by the rule that it fitted when it was shown.
    case token(TokenRule)
    case peer(PeerCredentials)
    /// TLS, and nothing else.
    case nothing
    /// A way in that only this machine has.
    case local
}

/// What comes of it.
enum Admittance: Equatable {
    case admitted(Principal)
    /// The client has to show a token.
    case stranger
    case refused(String)
}

/// Who may come in as what. A reload replaces it as a whole.
struct AdmittanceRules: Sendable {
    let identities: IdentityRules
    let tenants: TenantTable
    let anonymousTenant: ShortName?
    let localTenant: ShortName

    init(_ configuration: ServerConfiguration) {
        identities = configuration.identities
        tenants = configuration.tenants
        anonymousTenant = configuration.tls?.anonymousTenant
        localTenant = configuration.localTenant
    }

    /// - Parameter certificate: the one that has been shown, if any.
    func admit(_ evidence: Evidence, _ certificate: ClientIdentity?) -> Admittance {
        switch evidence {
        case .certificate: return admit(certificate.map { identities.place(of: $0) } ?? .unnamed)
        case .token(let shown):
            guard let rule = identities.token(shown) else { return .refused("no such token") }
            return enter(rule.placement, .token)
        case .peer(let peer):
            guard identities.peers != nil else { return enter(Placement(tenant: localTenant), .local) }
            guard let placement = identities.place(of: peer) else { return .refused("no rule for user \(peer.user)") }
            return enter(placement, .peer)
        case .nothing:
            if let anonymousTenant { return enter(Placement(tenant: anonymousTenant), .none) }
            return identities.tokens.isEmpty ? .refused("no client certificate") : .stranger
        case .local: return enter(Placement(tenant: localTenant), .local)
        }
    }

    private func admit(_ place: CertificatePlacement) -> Admittance {
        switch place {
        case .placed(let placement): return enter(placement, .mutualTLS)
        case .malformed(let uri):
            return .refused("the client certificate's name \(uri.prefix(100)) is not hmm://TENANT or hmm://TENANT/ROLE")
        case .unnamed:
            let isRuled = identities.certificates != nil
            return .refused(isRuled ? "no rule for the certificate" : "the client certificate names no tenant")
        }
    }

    private func enter(_ placement: Placement, _ authentication: Principal.Authentication) -> Admittance {
        guard let settings = tenants[placement.tenant] else {
            return .refused("tenant \(placement.tenant) is not listed")
        }
        let role = placement.role ?? settings.role
        return .admitted(Principal(tenant: placement.tenant, authentication: authentication, role: role))
    }
}
