internal import HMMProtocol
internal import HMMServer
internal import HMMTLS
internal import Yams

/// Reads who clients are.
struct IdentityReader {
    let errors: FileErrors
    let tenants: TenantTable

    func read(_ node: Node) -> IdentityRules {
        var rules = IdentityRules()
        let section = SectionReader<IdentityKey>(node, "identities", errors)
        if let list = section.node(.certificates) {
            rules.certificates = elements(of: list, "certificates", errors).compactMap(certificate)
        }
        var ids: Set<String> = []
        for node in elements(of: section.node(.tokens), "tokens", errors) {
            guard let token = token(node, &ids) else { continue }
            rules.tokens.append(token)
        }
        if let list = section.node(.peers) { rules.peers = elements(of: list, "peers", errors).compactMap(peer) }
        return rules
    }

    // MARK: Certificates

    private func certificate(_ node: Node) -> CertificateRule? {
        let section = SectionReader<CertificateKey>(node, "a certificate", errors)
        var matches: [CertificateRule.Match] = []
        for key in [CertificateKey.uri, .commonName, .fingerprint, .issuer, .any] where section.node(key) != nil {
            if let match = section.value(key, { Self.match(key, $0) }) { matches.append(match) } else { return nil }
        }
        guard let match = matches.first, matches.count == 1 else {
            errors.add(
                "a certificate is known by one of san-uri, common-name, fingerprint, issuer and any", at: node.mark)
            return nil
        }
        return CertificateRule(match, tenant: tenant(section, .tenant), role: role(section, .role))
    }

    private static func match(_ key: CertificateKey, _ text: String) -> CertificateRule.Match? {
        switch key {
        case .uri: text.isEmpty ? nil : .uri(text)
        case .commonName: text.isEmpty ? nil : .commonName(text)
        case .fingerprint: fingerprint(text).map { .fingerprint($0) }
        case .issuer: fingerprint(text).map { .issuer($0) }
        case .any: ServerConfiguration.yesOrNo(text) == true ? .any : nil
        case .tenant, .role: nil
        }
    }

    private static func fingerprint(_ text: String) -> String? {
        let digits = text.lowercased().filter { $0 != ":" }
        let isHexadecimal = digits.utf8.allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
        return digits.utf8.count == 64 && isHexadecimal ? digits : nil
    }

    // MARK: Tokens

    private func token(_ node: Node, _ ids: inout Set<String>) -> TokenRule? {
        let section = SectionReader<TokenKey>(node, "a token", errors)
        let id = section.required(.id) { Self.isTokenID($0) ? $0 : nil }
        let hash = section.required(.hash) { ScryptHash($0) }
        _ = section.text(.name)
        if let id, !ids.insert(id).inserted { section.refuse(.id, "'\(id)' is given twice") }
        if section.node(.tenant) == nil { errors.add("tenant is missing: \(TokenKey.tenant.spec.form)", at: node.mark) }
        guard let tenant = tenant(section, .tenant), let id, let hash else { return nil }
        return TokenRule(id: id, hash: hash, Placement(tenant: tenant, role: role(section, .role)))
    }

    private static func isTokenID(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: false
                }
            }
    }

    // MARK: Peers

    private func peer(_ node: Node) -> PeerRule? {
        let section = SectionReader<PeerKey>(node, "a peer", errors)
        let user = section.value(.uid) { UInt32($0) }
        let group = section.value(.gid) { UInt32($0) }
        let any = section.value(.any) { ServerConfiguration.yesOrNo($0) == true ? true : nil }
        let isNamed = section.node(.uid) != nil || section.node(.gid) != nil
        if isNamed == (any != nil) { errors.add("a peer is known by uid, gid or both, or is any", at: node.mark) }
        if section.node(.tenant) == nil { errors.add("tenant is missing: \(PeerKey.tenant.spec.form)", at: node.mark) }
        guard let tenant = tenant(section, .tenant), isNamed != (any != nil) else { return nil }
        return PeerRule(user: user, group: group, Placement(tenant: tenant, role: role(section, .role)))
    }

    // MARK: Where they belong

    private func tenant<Key>(_ section: SectionReader<Key>, _ key: Key) -> ShortName? {
        guard let tenant = section.value(key, ServerConfiguration.tenantName) else { return nil }
        errors.tell(unknown: tenant, tenants, key.rawValue, at: errors.place(section.node(key)?.mark))
        return tenant
    }

    private func role<Key>(_ section: SectionReader<Key>, _ key: Key) -> Role? {
        section.value(key) { Role(rawValue: $0) }
    }
}
