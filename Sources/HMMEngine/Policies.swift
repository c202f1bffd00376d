internal import HMMProtocol

/// What holds for the tenant may change while it runs.
extension Engine {
    mutating func adopt(_ policy: TenantPolicy) {
        self.policy = policy
        // What the tenant has denied itself it goes on without.
        restrictions = policy.restrictions.combined(with: chosen)
    }
}
