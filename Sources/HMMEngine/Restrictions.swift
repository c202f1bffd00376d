internal import HMMMemory
public import HMMProtocol

/// What a tenant may not use. Kernel: Kconfig and EXPORT_SYMBOL_GPL.
public struct Restrictions: Equatable, Sendable {
    /// Features that are there.
    public var features = Features.all
    /// Verbs exported to GPL clients are refused to clients that declare another licence.
    public var enforcesLicence = false

    public init() {}

    /// Anything could be refused.
    var isAny: Bool { features != .all || enforcesLicence }

    /// What is withheld by one or the other.
    func combined(with other: Restrictions) -> Restrictions {
        var both = Restrictions()
        both.features = features.intersection(other.features)
        both.enforcesLicence = enforcesLicence || other.enforcesLicence
        return both
    }
}

extension Engine {
    /// Throws why a request of this tenant, or of this client, is not served.
    func checkRestrictions(_ request: Request, _ caller: Caller) throws(Failure) {
        let verb = request.name
        var gate = verb.gate
        if case .regionCreate(let create) = request {
            gate = create.kind == .coherent ? .devicePublic : .devicePrivate
        }
        if let gate, !restrictions.features.contains(Features(gate)) {
            throw Failure(.gated, "this tenant is configured without \(gate.rawValue)")
        }
        guard restrictions.enforcesLicence, verb.export == .gpl,
            let session = sessions.index(of: caller.connection), sessions[session].licence == .proprietary
        else { return }
        throw Failure(.licence, "`\(verb.spec.name)` is exported to GPL clients only")
    }

    /// Throws when the role of the connection does not suffice.
    @inline(__always)
    func checkRole(_ request: Request, _ caller: Caller) throws(Failure) {
        guard let session = sessions.index(of: caller.connection) else { return }
        let role = sessions[session].principal.role
        if role != .admin, !request.name.roles.contains(Roles(role)) { throw denied(request.name, role) }
    }

    @inline(never)
    private func denied(_ verb: VerbName, _ role: Role) -> Failure {
        let spec = verb.spec
        return Failure(
            .denied, "this connection has the role \(role.rawValue); `\(spec.name)` needs \(spec.roles.words)")
    }

    /// `help` tells a client of it.
    func isOffered(_ verb: VerbName, to caller: Caller) -> Bool {
        guard let session = sessions.index(of: caller.connection),
            verb.roles.contains(Roles(sessions[session].principal.role))
        else { return false }
        guard let gate = verb.gate else { return true }
        return restrictions.features.contains(Features(gate))
    }

    mutating func configure(_ config: Config, _ caller: Caller, _ effects: inout Effects) {
        if let without = config.without { chosen.features.subtract(without) }
        if let enforces = config.enforcesLicence { chosen.enforcesLicence = enforces }
        // What the server enforces the tenant cannot lift.
        restrictions = policy.restrictions.combined(with: chosen)
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" hmm-mirror=", word: restrictions.features.contains(.hmmMirror) ? "y" : "n")
        effects.text.pair(" device-private=", word: restrictions.features.contains(.devicePrivate) ? "y" : "n")
        effects.text.pair(" device-public=", word: restrictions.features.contains(.devicePublic) ? "y" : "n")
        effects.text.pair(" enforce-licence=", word: restrictions.enforcesLicence ? "yes" : "no")
        effects.text.endLine()
    }
}
