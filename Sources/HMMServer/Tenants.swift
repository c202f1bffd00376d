internal import HMMEngine
internal import HMMProtocol
internal import Logging
internal import Synchronization

/// The tenants there are. A tenant comes with its first connection and goes with its last, or, if it is persistent, so
/// long after that.
///
/// Uses are counted under the registry's lock, from before a connection is announced to the engine until after its end
/// is. So a connection that comes while the last one goes either finds the shard and keeps it, or gets a new one.
final class Tenants: Sendable {
    private struct Entry {
        let shard: TenantShard
        var uses: Int
        /// Without connections since then, in nanoseconds, and kept with so many bytes.
        var kept: (since: UInt64, bytes: UInt64)?
    }

    private struct State {
        var table: TenantTable
        var most: Int
        var kept: ServerConfiguration.Kept
        var isDraining = false
        var entries: [ShortName: Entry] = [:]
        /// Shards that no longer are their tenant, and the connections they still have.
        var dropped: [ObjectIdentifier: Int] = [:]
    }

    private let limits: Limits
    private let recordings: RecordingFolder?
    private let logger: Logger
    private let state: Mutex<State>

    init(_ configuration: ServerConfiguration, recordings: RecordingFolder?, logger: Logger) {
        limits = configuration.limits
        self.recordings = recordings
        self.logger = logger
        state = Mutex(
            State(table: configuration.tenants, most: configuration.maxTenants, kept: configuration.kept))
    }

    var count: Int { state.withLock { $0.entries.count } }

    /// Those without a connection.
    var keptCount: Int { state.withLock { $0.entries.values.count { $0.kept != nil } } }

    var all: [TenantShard] { state.withLock { $0.entries.values.map(\.shard) } }

    /// What the configuration says of a tenant; nil if it is not to be.
    func settings(_ tenant: ShortName) -> TenantSettings? { state.withLock { $0.table[tenant] } }

    /// The tenant's shard, made if there is none, with timers on `loop`. Every call that returns one needs one of
    /// `release`. Nil if there are as many tenants as there may be.
    func acquire(_ tenant: ShortName, on loop: LoopContext) -> TenantShard? {
        let (shard, gone) = state.withLock { state -> (TenantShard?, TenantShard?) in
            if let shard = state.entries[tenant]?.shard {
                state.entries[tenant]?.uses += 1
                state.entries[tenant]?.kept = nil
                return (shard, nil)
            }
            // Who is there goes before who was.
            var gone: TenantShard?
            if state.entries.count >= state.most {
                guard let oldest = Self.oldestKept(state) else { return (nil, nil) }
                gone = state.entries.removeValue(forKey: oldest)?.shard
            }
            let settings = state.table[tenant] ?? state.table.standard
            let policy = settings.policy
            let shard = TenantShard(
                name: tenant, limits: limits, policy: policy,
                recording: recordings?.begin(tenant, limits, policy, settings.recording ?? .always), tenants: self,
                home: loop)
            state.entries[tenant] = Entry(shard: shard, uses: 1)
            if state.isDraining { shard.drain() }
            return (shard, gone)
        }
        gone?.retire()
        return shard
    }

    /// - Parameter now: monotonic time in nanoseconds.
    func release(_ shard: TenantShard, at now: UInt64) {
        let bytes = shard.residentBytes
        let gone = state.withLock { state -> [TenantShard] in
            if let uses = state.dropped[ObjectIdentifier(shard)] {
                state.dropped[ObjectIdentifier(shard)] = uses > 1 ? uses - 1 : nil
                return uses > 1 ? [] : [shard]
            }
            guard let entry = state.entries[shard.name], entry.shard === shard else { return [] }
            state.entries[shard.name]?.uses -= 1
            guard entry.uses == 1 else { return [] }
            guard state.table[shard.name]?.persistence != nil else {
                state.entries[shard.name] = nil
                return [shard]
            }
            state.entries[shard.name]?.kept = (now, bytes)
            return Self.removeExcess(&state)
        }
        for shard in gone { shard.retire() }
    }

    // MARK: Persistent tenants

    /// Ends tenants that have been without a connection for as long as they may.
    func removeExpired(at now: UInt64) {
        let gone = state.withLock { state -> [TenantShard] in
            var gone: [TenantShard] = []
            for (name, entry) in state.entries {
                guard let kept = entry.kept else { continue }
                let life = state.table[name]?.persistence?.wholeNanoseconds ?? 0
                guard now >= kept.since, now - kept.since >= life else { continue }
                gone.append(entry.shard)
                state.entries[name] = nil
            }
            return gone
        }
        for shard in gone { shard.retire() }
    }

    private static func oldestKept(_ state: State) -> ShortName? {
        state.entries.filter { $0.value.kept != nil }.min {
            ($0.value.kept?.since ?? 0) < ($1.value.kept?.since ?? 0)
        }?.key
    }

    /// Takes the oldest out until what is kept is within its bounds.
    private static func removeExcess(_ state: inout State) -> [TenantShard] {
        var gone: [TenantShard] = []
        while true {
            let kept = state.entries.values.compactMap(\.kept)
            let bytes = kept.reduce(0) { $0 + $1.bytes }
            guard kept.count > state.kept.tenants || bytes > state.kept.bytes, let oldest = oldestKept(state),
                let entry = state.entries.removeValue(forKey: oldest)
            else { return gone }
            gone.append(entry.shard)
        }
    }

    // MARK: From outside

    /// Tells every tenant, and each that comes from now on, that the server is about to stop.
    func drain() {
        let shards = state.withLock { state in
            state.isDraining = true
            return state.entries.values.map(\.shard)
        }
        for shard in shards { shard.drain() }
    }

    /// Ends a tenant: its connections are closed, its state goes. Who connects from now on finds it empty. False if
    /// there is none of that name.
    func drop(_ tenant: ShortName, on loop: LoopContext) -> Bool {
        let dropped = state.withLock { state -> Entry? in
            guard let entry = state.entries.removeValue(forKey: tenant) else { return nil }
            if entry.uses > 0 { state.dropped[ObjectIdentifier(entry.shard)] = entry.uses }
            return entry
        }
        guard let dropped else { return false }
        if dropped.uses > 0 { dropped.shard.closeAll(.dropped, on: loop) } else { dropped.shard.retire() }
        return true
    }

    /// Lets another configuration hold, for tenants that are there, too.
    func adopt(_ configuration: ServerConfiguration) {
        let (changed, gone) = state.withLock { state -> ([(TenantShard, TenantPolicy)], [TenantShard]) in
            let old = state.table
            state.table = configuration.tenants
            state.most = configuration.maxTenants
            state.kept = configuration.kept
            let changed = state.entries.values.compactMap { entry -> (TenantShard, TenantPolicy)? in
                guard let policy = state.table[entry.shard.name]?.policy, policy != old[entry.shard.name]?.policy
                else { return nil }
                return (entry.shard, policy)
            }
            return (changed, Self.removeExcess(&state))
        }
        for (shard, policy) in changed { shard.adopt(policy) }
        for shard in gone { shard.retire() }
    }

    /// The shard's state has broken its rules. Its connections are leaving; the next one gets a new shard.
    func bury(_ shard: TenantShard, _ violation: String, recording: String?) {
        logger.critical(
            "tenant given up",
            metadata: [
                "tenant": "\(shard.name)", "violation": "\(violation)",
                "recording": "\(recording ?? "none: see --record")",
            ])
        let isKnown = state.withLock { state in
            guard state.entries[shard.name]?.shard === shard else { return false }
            state.entries[shard.name] = nil
            return true
        }
        if isKnown { shard.retire() }
    }
}
