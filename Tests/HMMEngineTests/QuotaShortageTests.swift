import HMMEngine
import HMMHarness
import HMMProtocol
import Testing

/// Every transcript with every quota that is too small for it, from the start or from somewhere in the middle: what is
/// refused has had no effect at all.
@Suite struct QuotaShortageTests {
    /// Those of the kernel are far too long for that.
    private static let files = TranscriptTests.files.filter { !$0.hasPrefix("kernel/") }

    /// What the engine itself counts, but for the rate, which only time gives back.
    private static let counted: [QuotaResource] = [
        .spaces, .mirrors, .devices, .regions, .connections, .requestsInFlight,
    ]

    /// Every hard bound of every resource, from none at all up to what the transcript uses.
    @Test(arguments: files) func fromTheStart(_ file: String) throws {
        let moves = try PlayedMoves.of(file)
        let most = try mostUsed(moves)
        for resource in Self.counted + [.residentBytes] {
            let unit: UInt64 = resource == .residentBytes ? 4096 : 1
            for bound in Self.bounds(below: (most[resource] ?? 0) / unit) {
                var peer = QuotaPeer(policy: .bounding([resource: bound * unit]))
                for move in moves { try peer.makeAndCompare(move) }
                try peer.leaveNothing()
            }
        }
    }

    /// Everything is used up by what is there already, from every move on.
    @Test(arguments: files) func fromTheMiddle(_ file: String) throws {
        let moves = try PlayedMoves.of(file)
        for index in moves.indices {
            for spare in [0, 1, 2] as [UInt64] {
                var peer = QuotaPeer()
                for move in moves[..<index] { try peer.make(move) }
                try peer.tighten(sparing: spare, Self.counted.filter { $0 != .requestsInFlight } + [.residentBytes])
                for move in moves[index...] { try peer.makeAndCompare(move) }
                try peer.leaveNothing()
            }
        }
    }

    /// A note for each time that a use has passed the bound, and no other.
    @Test(arguments: files) func softBounds(_ file: String) throws {
        let moves = try PlayedMoves.of(file)
        let most = try mostUsed(moves)
        for resource in Self.counted + [.residentBytes] {
            let unit: UInt64 = resource == .residentBytes ? 4096 : 1
            for bound in Self.bounds(below: min((most[resource] ?? 0) / unit, 8)) {
                var peer = QuotaPeer(policy: .warning([resource: bound * unit]))
                var notes = 0
                for move in moves { notes += try peer.makeAndCountNotes(move, resource, bound * unit) }
                // Of connections the first one passes it, before anybody can have asked for the news.
                #expect(notes > 0 || resource == .connections || resource == .requestsInFlight)
            }
        }
    }

    private func mostUsed(_ moves: [PlayedMoves.Move]) throws -> [QuotaResource: UInt64] {
        var peer = QuotaPeer()
        var most: [QuotaResource: UInt64] = [:]
        for move in moves {
            try peer.make(move)
            for resource in Self.counted + [.residentBytes] {
                most[resource] = max(most[resource] ?? 0, peer.use(resource))
            }
        }
        return most
    }

    /// All of the first ones; of thousands of frames some.
    private static func bounds(below most: UInt64) -> [UInt64] {
        Array(0..<min(most, 40)) + Array(stride(from: 40, to: most, by: max(1, Int(most / 16))))
    }
}

extension TenantPolicy {
    fileprivate static func bounding(_ hard: [QuotaResource: UInt64]) -> TenantPolicy {
        policy(hard.mapValues { .init(hard: $0) })
    }

    fileprivate static func warning(_ soft: [QuotaResource: UInt64]) -> TenantPolicy {
        policy(soft.mapValues { .init(soft: $0) })
    }

    private static func policy(_ bounds: [QuotaResource: Quota.Bound]) -> TenantPolicy {
        var quota = Quota()
        for (resource, bound) in bounds { quota[resource] = bound }
        return TenantPolicy(quota: quota)
    }
}

/// A peer whose tenants have quotas.
private struct QuotaPeer {
    private var peer: EnginePeer
    /// The soft bound that is watched has been told of no more often than `use` has been well within it.
    private var isArmed = true

    init(policy: TenantPolicy = TenantPolicy()) {
        peer = EnginePeer(policy: policy)
        peer.checksState = false
    }

    func use(_ resource: QuotaResource) -> UInt64 {
        peer.tenants.values.map { $0.engine.use(of: resource) ?? 0 }.max() ?? 0
    }

    mutating func make(_ move: PlayedMoves.Move) throws { try peer.make(move) }

    /// From now on every tenant may have what it has, and `spare` more of each.
    mutating func tighten(sparing spare: UInt64, _ resources: [QuotaResource]) throws {
        var bounds: [QuotaResource: UInt64] = [:]
        for resource in resources {
            bounds[resource] = use(resource) + spare * (resource == .residentBytes ? 4096 : 1)
        }
        try peer.adopt(.bounding(bounds))
    }

    /// Makes a move. What it refuses for want of something must have had no effect: nothing has been announced, and
    /// nothing is other than it was.
    mutating func makeAndCompare(_ move: PlayedMoves.Move) throws {
        guard case .send(let name, let octets) = move else { return try make(move) }
        let before = state()
        let start = peer.output.count
        try make(move)
        let said = String(decoding: peer.output[start...], as: UTF8.self)
        for tenant in peer.tenants.values { try #require(tenant.engine.violations() == []) }
        guard said.contains(" LIMIT E") || said.contains(" BUSY E") else { return }
        let lines = said.split(separator: "\n")
        let request = String(decoding: octets, as: UTF8.self)
        // What a request sets free answers for itself. Of several requests in one piece others may have been served.
        let setsFree = ["ack ", "mirror.drop ", "to-ram ", "migrate.finish ", "migrate.abort "].contains {
            request.contains($0)
        }
        guard lines.count == 1, lines[0].hasPrefix("\(name): -"), !setsFree else {
            let isServed = lines.allSatisfy { !$0.contains(" LIMIT E") }
            #expect(isServed || setsFree || request.count(where: { $0 == "\n" }) > 1, "\(request)\(said)")
            return
        }
        let changes = Set(before).symmetricDifference(state()).sorted()
        #expect(changes.isEmpty, "\(request)\(said)\(changes)")
    }

    /// Makes a move and returns how many notes came, which is one when `resource` has passed `bound` with it, and has
    /// been well within it since the note before.
    mutating func makeAndCountNotes(
        _ move: PlayedMoves.Move, _ resource: QuotaResource, _ bound: UInt64
    ) throws -> Int {
        for name in peer.tenants.keys.sorted() where peer.connections["watch-" + name] == nil {
            try peer.connect("watch-" + name, tenant: name)
            try peer.send(Array("hello enable=quota\n".utf8), on: "watch-" + name)
        }
        let before = use(resource)
        let wellWithin = bound - min(bound, max(1, bound / 10))
        if before > bound { isArmed = false } else if before <= wellWithin { isArmed = true }
        let wasArmed = isArmed
        let start = peer.output.count
        try make(move)
        let said = String(decoding: peer.output[start...], as: UTF8.self)
        let notes = said.split(separator: "\n").count {
            $0.contains("* note : quota \(resource.rawValue) passed: use=") && $0.hasPrefix("watch-")
        }
        if notes > 0 { isArmed = false }
        // Of several inputs in one move each can pass it.
        guard case .send(_, let octets) = move, octets.count(where: { $0 == 10 }) == 1, peer.tenants.count == 1 else {
            return notes
        }
        // Work that is cut into slices is in flight meanwhile.
        if resource == .requestsInFlight { return notes }
        let isPassed = wasArmed && before <= bound && use(resource) > bound
        #expect(notes == (isPassed ? 1 : 0), "\(String(decoding: octets, as: UTF8.self))\(said)")
        return notes
    }

    private func state() -> [String] {
        // An allocation that was made to fail has done what it was asked for.
        peer.tenants.sorted { $0.key < $1.key }.flatMap { $0.value.engine.wholeState() }
            .filter { !$0.contains(" failing ") }
    }

    /// When everybody has gone nothing waits for anything.
    mutating func leaveNothing() throws {
        for name in peer.connections.keys.sorted() { try peer.cut(name) }
        for tenant in peer.tenants.values {
            try #require(tenant.engine.violations() == [] && tenant.engine.pendingCount == 0)
            try #require(tenant.engine.promised == 0)
        }
    }
}
