/// One seed, one world: clients of all sorts, a network that does what it likes, and judges.
public enum Simulation {
    public struct Outcome: Sendable {
        public let seed: UInt64
        /// Of every byte that the engines said, in order.
        public let hash: UInt64
        /// What the engines were told, ticks included.
        public let inputs: Int
        public let answers: Int
        public let violation: Violation?
        public let coverage: Coverage
        /// Everything that happened, if it was asked for.
        public let trace: [String]
    }

    /// Clients of a seed, by the numbers that `without` takes.
    public static func clients(of seed: UInt64) -> Int { Plan(seed: seed).parts.count }

    /// Plays the world of `seed`, without the clients whose numbers are in `absent`. If it is traced, `listener` hears
    /// of everything as it happens.
    public static func play(
        seed: UInt64, without absent: Set<Int> = [], isTraced: Bool = false, listener: ((String) -> Void)? = nil
    ) -> Outcome {
        let world = World(Plan(seed: seed), without: absent, Trace(isOn: isTraced, listener: listener))
        var violation: Violation?
        do throws(Violation) { try world.play() } catch { violation = error }
        return Outcome(
            seed: seed, hash: world.hash.value, inputs: world.inputs,
            answers: world.tenants.reduce(0) { $0 + $1.judge.answers }, violation: violation,
            coverage: world.tenants.reduce(into: Coverage()) { $0.add($1.judge.coverage) }, trace: world.trace.lines)
    }

    /// Plays a seed twice: the second run says the same, byte for byte.
    public static func playTwice(seed: UInt64) -> Outcome {
        let first = play(seed: seed)
        guard first.violation == nil else { return first }
        let second = play(seed: seed)
        guard first.hash != second.hash || second.violation != nil else { return first }
        return Outcome(
            seed: seed, hash: second.hash, inputs: second.inputs, answers: second.answers,
            violation: second.violation ?? Violation(.determinism, "two runs of seed \(seed) say different things"),
            coverage: second.coverage, trace: [])
    }
}
