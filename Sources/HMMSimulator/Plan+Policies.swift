import HMMEngine
import HMMProtocol

/// What whoever runs the server allows, and how that changes while the world runs.
extension Plan {
    /// From then on.
    struct Rule {
        let tenant: Int
        /// Nanoseconds from the beginning.
        let at: UInt64
        let policy: TenantPolicy
    }

    mutating func addPolicies(_ dice: inout Dice) {
        for tenant in 0..<tenants {
            rules.append(Rule(tenant: tenant, at: 0, policy: Self.somePolicy(&dice)))
            for _ in 0..<dice.roll(5) {
                let policy = dice.chance(30) ? TenantPolicy() : Self.somePolicy(&dice)
                rules.append(Rule(tenant: tenant, at: UInt64(dice.roll(1000)) * 1_000_000, policy: policy))
            }
        }
        guard dice.chance(50) else { return }
        for index in parts.indices {
            switch parts[index].kind {
            case .process: parts[index].role = .process
            case .driver, .legacy: parts[index].role = .driver
            case .observer: parts[index].role = .observer
            case .ruleBreaker: parts[index].role = dice.pick(Role.allCases)
            }
        }
    }

    private static func somePolicy(_ dice: inout Dice) -> TenantPolicy {
        var policy = TenantPolicy()
        for resource in QuotaResource.allCases where dice.chance(40) {
            let most = someBound(resource, &dice)
            if dice.chance(60) { policy.quota[resource].soft = UInt64(dice.roll(Int(most) + 1)) }
            if dice.chance(60) { policy.quota[resource].hard = most }
        }
        if dice.chance(15) { policy.restrictions.features.subtract(dice.pick([.devicePrivate, .devicePublic])) }
        if dice.chance(5) { policy.restrictions.features.subtract(.hmmMirror) }
        return policy
    }

    /// So much that now and then somebody wants more.
    private static func someBound(_ resource: QuotaResource, _ dice: inout Dice) -> UInt64 {
        switch resource {
        case .residentBytes: UInt64(dice.roll(40)) << 12
        case .requestsPerSecond: UInt64(1 + dice.roll(200))
        case .requestsInFlight: UInt64(1 + dice.roll(6))
        default: UInt64(1 + dice.roll(5))
        }
    }
}

extension TenantPolicy {
    /// For the trace.
    var words: String {
        let bounds = QuotaResource.allCases.compactMap { resource -> String? in
            let bound = quota[resource]
            guard bound.soft != nil || bound.hard != nil else { return nil }
            let words = [bound.soft.map { "soft \($0)" }, bound.hard.map { "hard \($0)" }].compactMap { $0 }
            return "\(resource.rawValue) \(words.joined(separator: " "))"
        }
        return (["features \(restrictions.features.rawValue)"] + bounds).joined(separator: ", ")
    }
}
