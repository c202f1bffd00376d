import HMMEngine
import HMMProtocol

/// What whoever runs the server allows: roles, features and quotas.
extension Judge {
    /// What holds at present, and what has come of it.
    struct Rules {
        var policy = TenantPolicy()
        /// The loosest hard bounds since the last look.
        var loosest = TenantPolicy().quota
        /// Uses at the last look.
        var uses: [QuotaResource: UInt64] = [:]
        /// Soft bounds that have been passed, until there is room below them again.
        var passed: Set<QuotaResource> = []
        /// No policy has come: nothing is bounded but by the protocol.
        var isOpen = true
    }

    mutating func adopt(_ policy: TenantPolicy) {
        let before = rules.policy
        rules.policy = policy
        rules.isOpen = false
        for resource in QuotaResource.allCases {
            let (old, new) = (rules.loosest[resource].hard, policy.quota[resource].hard)
            rules.loosest[resource].hard = old.flatMap { old in new.map { max(old, $0) } }
            // Another may follow before the next look.
            if policy.quota[resource].soft != before.quota[resource].soft { rules.passed.remove(resource) }
        }
        for connection in counterparts.keys {
            for index in counterparts[connection]?.pending.indices ?? 0..<0 {
                guard let request = counterparts[connection]?.pending[index].request else { continue }
                let isOffered = isOffered(request)
                counterparts[connection]?.pending[index].offers.insert(isOffered)
            }
        }
    }

    // MARK: Roles and features

    /// Whether a request is served under the policy in force.
    func isOffered(_ request: Request) -> Bool {
        var gate = request.name.spec.gate
        if case .regionCreate(let create) = request {
            gate = create.kind == .coherent ? .devicePublic : .devicePrivate
        }
        return gate.map { rules.policy.restrictions.features.contains(Features($0)) } ?? true
    }

    func checkAllowed(_ pending: Pending, _ code: String?, _ counterpart: Counterpart) throws(Violation) {
        guard let request = pending.request else { return }
        let name = request.name.spec.name
        if code == nil, !request.name.spec.roles.contains(Roles(counterpart.role)) {
            throw Violation(.policy, "`\(name)` is served to a client with the role \(counterpart.role.rawValue)")
        }
        if code == nil, pending.offers == [false] {
            throw Violation(.policy, "`\(name)` is served, and what it depends on is withheld")
        }
        // Nobody is recorded here.
        if case .record(let record) = request, record.action != nil { return }
        if code == "GATED", pending.offers == [true] {
            throw Violation(.policy, "`\(name)` is refused as withheld, and nothing is")
        }
    }

    // MARK: Quotas

    /// After every input, whether it leaves work unfinished or not.
    mutating func checkQuota(_ engine: borrowing Engine) throws(Violation) {
        defer {
            for connection in counterparts.keys {
                counterparts[connection]?.quotaNotes = []
                counterparts[connection]?.isNewListener = false
            }
        }
        guard !rules.isOpen else { return }
        for resource in QuotaResource.allCases {
            guard let use = engine.use(of: resource) else { continue }
            try checkSoft(resource, use, isCut: engine.isCut)
            // What has begun may have been promised what it needs.
            let promised: UInt64 =
                switch resource {
                case .spaces: UInt64(engine.forksRunning)
                case .residentBytes: engine.framesPromised << 12
                default: 0
                }
            if !engine.isCut { try checkHard(resource, use + promised) }
        }
    }

    /// No limit of the protocol is passed.
    func checkLimits(_ engine: borrowing Engine) throws(Violation) {
        for (name, use, bound) in engine.uses where use > bound {
            switch name {
            // What was given under a looser policy stays; some requests must get through.
            case "resident-bytes", "pending": continue
            default: throw Violation(.policy, "\(use) \(name) are in use, the limit is \(bound)")
            }
        }
    }

    /// Whoever wants to know hears of it once when a soft bound is passed, or when he begins to want it.
    private mutating func checkSoft(_ resource: QuotaResource, _ use: UInt64, isCut: Bool) throws(Violation) {
        let soft = rules.policy.quota[resource].soft
        let isOver = soft.map { use > $0 } ?? false
        let isNews = isOver && !rules.passed.contains(resource)
        let hasRoom = soft.map { $0 == 0 ? use == 0 : use <= $0 - max(1, $0 / 10) } ?? true
        if isOver { rules.passed.insert(resource) } else if hasRoom { rules.passed.remove(resource) }
        for (connection, counterpart) in counterparts {
            let heard = counterpart.quotaNotes.count { $0 == resource.rawValue }
            let isDue = isNews && counterpart.wantsQuota || isOver && counterpart.isNewListener
            guard heard != (isDue ? 1 : 0) else { continue }
            // It is to go, and has to wait for its good-bye until work that was cut is done.
            if heard == 0, isCut, isDraining || !counterpart.ends.isEmpty { continue }
            throw Violation(
                .policy,
                "connection \(connection.rawValue) is told \(heard) times that \(resource.rawValue) has passed its "
                    + "soft bound, with \(use) in use")
        }
    }

    /// Past a hard bound nothing more is given. What had been given under a looser one stays.
    private mutating func checkHard(_ resource: QuotaResource, _ use: UInt64) throws(Violation) {
        defer {
            rules.uses[resource] = use
            rules.loosest[resource].hard = rules.policy.quota[resource].hard
        }
        switch resource {
        // These are counted before a request begins; some get through all the same.
        case .requestsInFlight, .requestsPerSecond, .unsentBytes, .recordingBytes: return
        default: break
        }
        guard let bound = rules.loosest[resource].hard, use > max(bound, rules.uses[resource] ?? 0) else { return }
        throw Violation(.policy, "\(use) \(resource.rawValue) are in use, \(bound) are allowed")
    }
}
