/// A failing world with as few clients as will still fail in the same way.
public struct Shrunk: Sendable {
    public let outcome: Simulation.Outcome
    public let absent: [Int]

    /// Leaves clients out one by one, as long as the same checker finds something.
    public init(_ failure: Simulation.Outcome) {
        var outcome = failure
        var absent: Set<Int> = []
        for client in (0..<Simulation.clients(of: failure.seed)).reversed() {
            let attempt = Simulation.play(seed: failure.seed, without: absent.union([client]))
            guard attempt.violation?.checker == failure.violation?.checker, attempt.violation != nil else { continue }
            outcome = attempt
            absent.insert(client)
        }
        self.outcome = Simulation.play(seed: outcome.seed, without: absent, isTraced: true)
        self.absent = absent.sorted()
    }

    /// What plays it again.
    public var command: String {
        let list = absent.map(String.init).joined(separator: ",")
        return "hmm-sim --seed \(outcome.seed)" + (absent.isEmpty ? "" : " --without \(list)")
    }
}
