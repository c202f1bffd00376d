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

    /// `help` tells of it.
    func isOffered(_ verb: VerbName) -> Bool {
        guard let gate = verb.gate else { return true }
        return restrictions.features.contains(Features(gate))
    }

    mutating func configure(_ config: Config, _ caller: Caller, _ effects: inout Effects) {
        if let without = config.without { restrictions.features.subtract(without) }
        // What the server enforces the tenant cannot lift.
        if let enforces = config.enforcesLicence { restrictions.enforcesLicence = enforces || server.enforcesLicence }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" hmm-mirror=", word: restrictions.features.contains(.hmmMirror) ? "y" : "n")
        effects.text.pair(" device-private=", word: restrictions.features.contains(.devicePrivate) ? "y" : "n")
        effects.text.pair(" device-public=", word: restrictions.features.contains(.devicePublic) ? "y" : "n")
        effects.text.pair(" enforce-licence=", word: restrictions.enforcesLicence ? "yes" : "no")
        effects.text.endLine()
    }
}
