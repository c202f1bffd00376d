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
        /// Nil while there are connections.
        var kept: Kept?
    }

    /// A tenant without connections: since when, in nanoseconds, and with how many bytes when last looked at.
    private struct Kept {
        var since: UInt64
        var bytes: UInt64

        /// Who takes most goes first, so that nobody's memory costs others theirs; of equals the one that has been
        /// alone for longest.
        func goes(before other: Kept) -> Bool { (other.bytes, since) < (bytes, other.since) }
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

    /// What waits in the server for connections of all tenants.
    let buffers: SharedBytes
    private let limits: Limits
    private let recordings: RecordingFolder?
    private let logger: Logger
    private let state: Mutex<State>

    init(_ configuration: ServerConfiguration, recordings: RecordingFolder?, logger: Logger) {
        limits = configuration.limits
        buffers = SharedBytes(bound: Int(clamping: configuration.maxBuffered))
        self.recordings = recordings
        self.logger = logger
        state = Mutex(
            State(table: configuration.tenants, most: configuration.maxTenants, kept: configuration.kept))
    }

    var count: Int { state.withLock { $0.entries.count } }

    /// As many as there may be.
    var most: Int { state.withLock { $0.most } }

    /// Those without a connection.
    var keptCount: Int { state.withLock { $0.entries.values.count { $0.kept != nil } } }

    var all: [TenantShard] { state.withLock { $0.entries.values.map(\.shard) } }

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
                guard let first = Self.firstToGo(state) else { return (nil, nil) }
                gone = state.entries.removeValue(forKey: first)?.shard
            }
            let settings = state.table[tenant] ?? state.table.standard
            let policy = recordings?.bounded(settings.policy) ?? settings.policy
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
            state.entries[shard.name]?.kept = Kept(since: now, bytes: bytes)
            return Self.removeExcess(&state)
        }
        for shard in gone { shard.retire() }
    }

    // MARK: Persistent tenants

    /// Ends tenants that have been without a connection for as long as they may. Those that stay are looked at anew: a
    /// request whose client has gone may still be at work, and take memory.
    func sweep(on loop: LoopContext) {
        let now = loop.now.nanoseconds
        for shard in all where shard.unsent.isWatched { shard.tellUnsent(on: loop) }
        let kept = state.withLock { $0.entries.values.filter { $0.kept != nil }.map(\.shard) }
        // Outside the registry's lock, because each takes its shard's.
        let sizes = kept.map { ($0, $0.residentBytes) }
        let gone = state.withLock { state -> [TenantShard] in
            for (shard, bytes) in sizes where state.entries[shard.name]?.shard === shard {
                state.entries[shard.name]?.kept?.bytes = bytes
            }
            return Self.removeExpired(&state, now) + Self.removeExcess(&state)
        }
        for shard in gone { shard.retire() }
    }

    private static func removeExpired(_ state: inout State, _ now: UInt64) -> [TenantShard] {
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

    private static func kept(_ state: State) -> [(name: ShortName, kept: Kept)] {
        state.entries.compactMap { name, entry in entry.kept.map { (name, $0) } }
    }

    private static func firstToGo(_ state: State) -> ShortName? {
        kept(state).min { $0.kept.goes(before: $1.kept) }?.name
    }

    /// Takes tenants out until what is kept is within its bounds.
    private static func removeExcess(_ state: inout State) -> [TenantShard] {
        var kept = kept(state)
        var (count, bytes) = (kept.count, kept.reduce(0) { $0 + $1.kept.bytes })
        func isOver(_ bounds: ServerConfiguration.Kept) -> Bool { count > bounds.tenants || bytes > bounds.bytes }
        guard isOver(state.kept) else { return [] }
        kept.sort { $0.kept.goes(before: $1.kept) }
        var gone: [TenantShard] = []
        for (name, its) in kept where isOver(state.kept) {
            count -= 1
            bytes -= its.bytes
            if let entry = state.entries.removeValue(forKey: name) { gone.append(entry.shard) }
        }
        return gone
    }

    /// The server stops, and the loops have let go of every connection: what is kept without one goes, too.
    func removeAll() {
        let gone = state.withLock { state in
            defer { state.entries = [:] }
            return state.entries.values.map(\.shard)
        }
        for shard in gone { shard.retire() }
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
        buffers.adopt(bound: Int(clamping: configuration.maxBuffered))
        let (changed, gone) = state.withLock { state -> ([(TenantShard, TenantPolicy)], [TenantShard]) in
            let old = state.table
            state.table = configuration.tenants
            state.most = configuration.maxTenants
            state.kept = configuration.kept
            let changed = state.entries.values.compactMap { entry -> (TenantShard, TenantPolicy)? in
                guard let policy = state.table[entry.shard.name]?.policy, policy != old[entry.shard.name]?.policy
                else { return nil }
                return (entry.shard, recordings?.bounded(policy) ?? policy)
            }
            return (changed, Self.removeExcess(&state))
        }
        for (shard, policy) in changed { shard.adopt(policy) }
        for shard in gone { shard.retire() }
    }

    /// The shard's state has broken its rules. Its connections are leaving; the next one gets a new shard.
    func bury(_ shard: TenantShard, _ violation: String, _ recording: (path: String, end: RecordingEnd?)?) {
        var metadata: Logger.Metadata = [
            "tenant": "\(shard.name)", "violation": "\(violation)",
            "recording": "\(recording?.path ?? "none: see --record")",
        ]
        // It lacks what came last.
        if let end = recording?.end, end != .poisoned { metadata["recording-end"] = "\(end.rawValue)" }
        logger.critical("tenant given up", metadata: metadata)
        let isKnown = state.withLock { state in
            guard state.entries[shard.name]?.shard === shard else { return false }
            state.entries[shard.name] = nil
            return true
        }
        if isKnown { shard.retire() }
    }
}
