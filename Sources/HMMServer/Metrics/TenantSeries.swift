internal import HMMEngine
internal import HMMProtocol

/// What a tenant has at one moment, and what it has done so far.
struct TenantFigures: Sendable {
    var name: ShortName
    var engine: Figures
    var requests: UInt64
    var engineNanoseconds: UInt64

    init(name: ShortName, engine: Figures, requests: UInt64, engineNanoseconds: UInt64) {
        self.name = name
        self.engine = engine
        self.requests = requests
        self.engineNanoseconds = engineNanoseconds
    }

    /// Nil if the engine is at work for longer than `patience` nanoseconds.
    init?(_ shard: TenantShard, patience: UInt64) {
        let seen = shard.inspect(patience: patience) { engine, requests, nanoseconds in
            (engine.figures, requests, nanoseconds)
        }
        guard let seen else { return nil }
        self.init(name: shard.name, engine: seen.0, requests: seen.1, engineNanoseconds: seen.2)
    }
}

/// The tenants as series with bounded labels: some tenants by name, all others summed under `other`.
///
/// A name is kept while its tenant is there, and goes to the next one in alphabetical order after that. Counters never
/// go back: what a tenant has done since the last reading is added to the label it has now.
struct TenantSeries {
    /// Most tenants with a label of their own: with nine metrics each, a reading stays below 100 KiB.
    static let bound = 100
    static let rest = "other"

    /// One life of a tenant. An object's place in memory alone may be another's later.
    struct Shard: Hashable {
        var object: ObjectIdentifier
        /// In nanoseconds.
        var born: UInt64
    }

    /// What a tenant says of itself; nil figures when it is too busy.
    struct Reading {
        var shard: Shard
        var name: ShortName
        var figures: TenantFigures?
    }

    struct Label {
        var gauges: Figures?
        var requests: UInt64 = 0
        var engineNanoseconds: UInt64 = 0
    }

    fileprivate struct Seen {
        var requests: UInt64 = 0
        var engineNanoseconds: UInt64 = 0
        var gauges: Figures?
    }

    private let bound: Int
    private var labels: [ShortName: Label] = [:]
    private var others = Label()
    private var seen: [Shard: Seen] = [:]

    init(bound: Int = Self.bound) { self.bound = bound }

    /// Takes a reading of all tenants. One that is too busy to be read keeps its last figures.
    mutating func read(_ readings: [Reading]) {
        name(readings.map(\.name))
        for name in labels.keys { labels[name]?.gauges = nil }
        others.gauges = nil
        var now: [Shard: Seen] = [:]
        for reading in readings {
            let name = reading.name
            let last = seen[reading.shard] ?? Seen()
            let next =
                reading.figures.map {
                    Seen(requests: $0.requests, engineNanoseconds: $0.engineNanoseconds, gauges: $0.engine)
                } ?? last
            now[reading.shard] = next
            if labels[name] != nil {
                labels[name]?.add(next, since: last)
            } else {
                others.add(next, since: last)
            }
        }
        seen = now
    }

    private mutating func name(_ present: [ShortName]) {
        let names = Set(present)
        labels = labels.filter { names.contains($0.key) }
        let waiting = names.filter { labels[$0] == nil && "\($0)" != Self.rest }
        for name in waiting.sorted(by: { "\($0)" < "\($1)" }).prefix(max(0, bound - labels.count)) {
            labels[name] = Label()
        }
    }

    /// By name, and the rest at the end.
    var all: [(name: String, label: Label)] {
        labels.map { ("\($0.key)", $0.value) }.sorted { $0.0 < $1.0 } + [(Self.rest, others)]
    }
}

extension TenantSeries.Label {
    fileprivate mutating func add(_ now: TenantSeries.Seen, since last: TenantSeries.Seen) {
        requests &+= now.requests &- last.requests
        engineNanoseconds &+= now.engineNanoseconds &- last.engineNanoseconds
        add(now.gauges)
    }

    private mutating func add(_ figures: Figures?) {
        guard let figures else { return }
        guard var sum = gauges else { return gauges = figures }
        sum.connections += figures.connections
        sum.mirrors += figures.mirrors
        sum.pending += figures.pending
        sum.parked += figures.parked
        sum.rounds += figures.rounds
        sum.frames += figures.frames
        sum.frameLimit += figures.frameLimit
        gauges = sum
    }
}
