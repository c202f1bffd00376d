internal import HMMEngine
internal import HMMProtocol
internal import Logging
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
    private let recordings: RecordingFolder?
    private let logger: Logger
    private let entries = Mutex<[ShortName: Entry]>([:])

    init(limits: Limits, policy: TenantPolicy, recordings: RecordingFolder?, logger: Logger) {
        self.limits = limits
        self.policy = policy
        self.recordings = recordings
        self.logger = logger
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
            let shard = TenantShard(
                name: tenant, limits: limits, policy: policy,
                recording: recordings?.begin(tenant, limits, policy), tenants: self, home: loop)
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

    /// The shard's state has broken its rules. Its connections are leaving; the next one gets a new shard.
    func bury(_ shard: TenantShard, _ violation: String, recording: String?) {
        logger.critical(
            "tenant given up",
            metadata: [
                "tenant": "\(shard.name)", "violation": "\(violation)",
                "recording": "\(recording ?? "none: start with --record DIR to have one")",
            ])
        let isKnown = entries.withLock { entries in
            guard entries[shard.name]?.shard === shard else { return false }
            entries[shard.name] = nil
            return true
        }
        if isKnown { shard.retire() }
    }
}
