import HMMProtocol

/// Who does what in the world of a seed, and how their network is.
struct Plan {
    enum Kind {
        case process
        case driver(DriverClient.Manner)
        case ruleBreaker
        case observer
        case legacy
    }

    struct Part {
        let kind: Kind
        let tenant: Int
        /// Nanoseconds from the beginning.
        let joinsAt: UInt64
        let turns: Int
        let isSlow: Bool
        let isDeaf: Bool
        /// When its connection breaks, if it does.
        let cutAt: UInt64?
        /// It wants to be told when half of a lease has gone.
        let wantsLease: Bool
        var role = Role.admin
        /// When whoever runs the server ends its connection.
        var closedAt: UInt64?
    }

    let seed: UInt64
    var limits = Limits()
    var parts: [Part] = []
    let tenants: Int
    let usesHugePages: Bool
    /// When a tenant's server says that it stops.
    let drainAt: UInt64?
    let lateness: UInt64
    /// What is allowed, from when on; empty where everything is.
    var rules: [Rule] = []
    /// How long work that was cut lets wait for its next slice, at most.
    private(set) var sliceDelay = 0
    /// Requests are handed to an engine whose work is cut, as no server of ours does.
    private(set) var isRude = false
    /// Few of something are allowed.
    private(set) var isTight = false
    /// Far more than any world takes.
    let inputLimit: Int

    init(seed: UInt64) {
        self.seed = seed
        var dice = Dice(seed: seed)
        tenants = dice.chance(8) ? 2 : 1
        usesHugePages = dice.chance(4)
        drainAt = dice.chance(10) ? UInt64(200 + dice.roll(800)) * 1_000_000 : nil
        lateness = UInt64(dice.pick([0, 0, 1, 30])) * 1_000_000
        inputLimit = usesHugePages ? 400_000 : 60_000
        // Few frames, so that requests fail in the middle.
        if !usesHugePages, dice.chance(20) { limits.residentBytes = UInt64(10 + dice.roll(30)) << 12 }
        if dice.chance(14) { limits.queuedBytes = 256 + dice.roll(1024) }
        if dice.chance(5) { limits.openEvents = 2 + dice.roll(6) }
        if dice.chance(5) { limits.answerBytes = 200 + dice.roll(600) }
        if dice.chance(5) { limits.window = 1 + dice.roll(4) }
        if dice.chance(25) { boundThings(&dice) }
        for tenant in 0..<tenants { addParts(tenant, &dice) }
        for index in parts.indices where dice.chance(4) {
            parts[index].closedAt = parts[index].joinsAt + UInt64(dice.roll(1200)) * 1_000_000
        }
        if dice.chance(40) { cutWork(&dice) }
        if dice.chance(30) { addPolicies(&dice) }
    }

    /// So few of everything that requests which wait want more than there is.
    private mutating func boundThings(_ dice: inout Dice) {
        isTight = true
        if dice.chance(50) { limits.areas = 3 + dice.roll(12) }
        if dice.chance(30) { limits.tenantAreas = 6 + dice.roll(30) }
        if dice.chance(50) { limits.pins = 1 + dice.roll(3) }
        if dice.chance(50) { limits.openRanges = 1 + dice.roll(3) }
        if dice.chance(30) { limits.openMigrations = 1 + dice.roll(2) }
        if dice.chance(20) { limits.umbrellas = 1 + dice.roll(2) }
        if dice.chance(20) { limits.spaces = 1 + dice.roll(3) }
        if dice.chance(20) { limits.mirrors = 1 + dice.roll(6) }
        if dice.chance(20) { limits.files = 1 + dice.roll(3) }
        if dice.chance(20) { limits.pending = 1 + dice.roll(8) }
    }

    /// Work is done in so small pieces that everything comes between some two of them.
    private mutating func cutWork(_ dice: inout Dice) {
        limits.slice = dice.pick(usesHugePages ? [500, 4000] : [1, 50, 150, 500])
        sliceDelay = dice.pick([0, 100_000, 3_000_000, 20_000_000])
        isRude = dice.chance(30)
    }

    private mutating func addParts(_ tenant: Int, _ dice: inout Dice) {
        var kinds: [Kind] = [.process, .driver(.prompt)]
        kinds += (0..<dice.roll(2)).map { _ in .process }
        for _ in 0...dice.roll(3) {
            kinds.append(.driver(dice.pick(weighted: [(3, .prompt), (4, .slow), (1, .silent)])))
        }
        if dice.chance(30) { kinds.append(.legacy) }
        if dice.chance(35) { kinds.append(.ruleBreaker) }
        if dice.chance(20) { kinds.append(.observer) }
        for (index, kind) in kinds.enumerated() {
            let isFirst = index < 2
            let joinsAt = UInt64(dice.chance(isFirst ? 100 : 50) ? dice.roll(3) : dice.roll(900)) * 1_000_000
            parts.append(
                Part(
                    kind: kind, tenant: tenant, joinsAt: joinsAt, turns: 12 + dice.roll(16),
                    isSlow: dice.chance(8), isDeaf: dice.chance(isFirst ? 0 : 3),
                    cutAt: dice.chance(isFirst ? 5 : 25) ? joinsAt + UInt64(dice.roll(1200)) * 1_000_000 : nil,
                    wantsLease: dice.chance(40)))
        }
    }

    /// The names of the tenants.
    func tenantName(_ index: Int) -> ShortName { ShortName("t\(index + 1)") ?? .none }
}
