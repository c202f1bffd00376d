internal import HMMEngine
internal import HMMProtocol
internal import Synchronization

/// The tenants that have connections. A tenant comes with its first connection and goes with its last.
///
/// Uses are counted under the registry's lock, from before a connection is announced to the engine until after its end
/// is. So a connection that comes while the last one goes either finds the shard and keeps it, or gets a new one.
final class Tenants: Sendable {
    private struct Entry {
        let shard: TenantShard
        var uses: Int
    }

    private let limits: Limits
    private let policy: TenantPolicy
    private let entries = Mutex<[ShortName: Entry]>([:])

    init(limits: Limits, policy: TenantPolicy) {
        self.limits = limits
        self.policy = policy
    }

    var count: Int { entries.withLock { $0.count } }

    var all: [TenantShard] { entries.withLock { $0.values.map(\.shard) } }

    /// The tenant's shard, made if there is none, with timers on `loop`. Every call needs one of `release`.
    func acquire(_ tenant: ShortName, on loop: LoopContext) -> TenantShard {
        entries.withLock { entries in
            if let shard = entries[tenant]?.shard {
                entries[tenant]?.uses += 1
                return shard
            }
            let shard = TenantShard(name: tenant, limits: limits, policy: policy, home: loop)
            entries[tenant] = Entry(shard: shard, uses: 1)
            return shard
        }
    }

    func release(_ shard: TenantShard) {
        let isLast = entries.withLock { entries in
            guard var entry = entries[shard.name], entry.shard === shard else { return false }
            entry.uses -= 1
            entries[shard.name] = entry.uses > 0 ? entry : nil
            return entry.uses == 0
        }
        if isLast { shard.retire() }
    }
}
