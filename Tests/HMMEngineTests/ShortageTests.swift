import HMMEngine
import HMMHarness
import HMMProtocol
import HMMTranscript
import Testing

/// Everything that can run out does, at every point of every transcript: the request says so, the state is as it was,
/// and everything goes on.
@Suite struct ShortageTests {
    /// Those of the kernel are far too long for that.
    private static let files = TranscriptTests.files.filter { !$0.hasPrefix("kernel/") }

    /// Every allocation of every request fails once.
    @Test(arguments: files, Engine.Resource.allCases)
    func ofMemory(_ file: String, _ resource: Engine.Resource) throws {
        let moves = try PlayedMoves.of(file)
        for index in moves.indices {
            guard case .send = moves[index] else { continue }
            try runOut(moves, index, resource)
        }
    }

    /// Plays with one thing more each time for the move at `index`, until it is as if there were plenty.
    private func runOut(_ moves: [PlayedMoves.Move], _ index: Int, _ resource: Engine.Resource) throws {
        let plenty = try play(moves, index, resource, spare: nil)
        var spare: UInt64 = 0
        var enough = 0
        while enough < 2 {
            // Two in a row: with one thing less something else may have been done that costs less.
            enough = try play(moves, index, resource, spare: spare) == plenty ? enough + 1 : 0
            // Each of the first ones, where what is done differs; then some of the many pages of one kind.
            spare = spare < 16 ? spare + 1 : spare * 2
            try #require(spare < 1 << 24)
        }
    }

    /// What was said at the move at `index`, and what was in use after it.
    private struct Outcome: Equatable {
        let said: String
        let used: UInt64
    }

    private func play(
        _ moves: [PlayedMoves.Move], _ index: Int, _ resource: Engine.Resource, spare: UInt64?
    ) throws -> Outcome {
        var peer = EnginePeer()
        peer.checksState = false
        for move in moves[..<index] { try peer.make(move) }
        let tenants = peer.tenants.values
        for tenant in tenants {
            tenant.engine.setBound(resource, spare.map { tenant.engine.use(of: resource) + $0 })
        }
        let said = try peer.makeAndCompare(moves[index])
        let used = tenants.reduce(0) { $0 + $1.engine.use(of: resource) }
        for tenant in tenants {
            try #require(tenant.engine.violations() == [])
            tenant.engine.setBound(resource, nil)
        }
        for move in moves[(index + 1)...] { try peer.make(move) }
        try peer.leaveNothing()
        return Outcome(said: said, used: used)
    }

    /// Few of what a tenant may have some of.
    @Test(arguments: files) func ofNumbers(_ file: String) throws {
        let moves = try PlayedMoves.of(file)
        let bounds: [WritableKeyPath<Limits, Int>] = [
            \.spaces, \.areas, \.devices, \.regions, \.mirrors, \.files, \.pins, \.openMigrations, \.migrationPages,
            \.hugetlbPages,
        ]
        for bound in bounds {
            for count in 0..<4 {
                var limits = Limits()
                limits[keyPath: bound] = count
                var peer = EnginePeer(limits: limits)
                for move in moves { try peer.makeAndCompare(move) }
                try peer.leaveNothing()
            }
        }
    }
}

extension EnginePeer {
    /// Verbs that make pages ready one after the other: those that are stay, with the bytes that were there.
    private static let accesses = [
        "read", "write", "fault", "pin", "dev.read", "dev.write", "madvise", "hmm.vma-fault", "exclusive", "ack",
    ]

    /// Makes a move and returns what was said. If it was refused, the state has to be what it was.
    @discardableResult
    fileprivate mutating func makeAndCompare(_ move: PlayedMoves.Move) throws -> String {
        guard case .send(_, let octets) = move else {
            try make(move)
            return ""
        }
        let request = String(decoding: octets, as: UTF8.self)
        let words = request.split(separator: " ").drop { $0.hasPrefix("#") }
        let isAccess = Self.accesses.contains { words.first?.hasPrefix($0) == true }
        let before = state(isWhole: !isAccess)
        let start = output.count
        try make(move)
        let said = String(decoding: output[start...], as: UTF8.self)
        // Other requests that were answered have changed what they are there to change, and with `each` each page is
        // a request of its own.
        guard said.contains(" LIMIT E"), Self.answers(said) == 1, !request.contains("each=yes") else { return said }
        let after = state(isWhole: !isAccess)
        let changes = Set(before).symmetricDifference(after).sorted()
        #expect(changes.isEmpty, "\(request)\(said)\(changes)")
        return said
    }

    /// Answers in what was said, where each piece begins with the name of its connection.
    private static func answers(_ said: String) -> Int {
        said.split(separator: "\n").count { line in
            let text = line.firstRange(of: ": ").map { line[$0.upperBound...] } ?? line
            return line.hasPrefix("+") || line.hasPrefix("-") || text.hasPrefix("+") || text.hasPrefix("-")
        }
    }

    private func state(isWhole: Bool) -> [String] {
        tenants.sorted { $0.key < $1.key }.flatMap {
            isWhole ? $0.value.engine.wholeState() : $0.value.engine.visibleState()
        }
    }
}
