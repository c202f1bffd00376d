import Testing

@testable import HMMSimulator

/// Debug builds check the engine's own assertions in every world; release builds play thousands (`scripts/test`).
@Suite struct SimulationTests {
    @Test(arguments: 0..<8) func worldsKeepTheRules(_ block: Int) {
        for seed in stride(from: UInt64(block), to: 48, by: 8) {
            let outcome = Simulation.play(seed: seed)
            #expect(outcome.violation == nil, "hmm-sim --seed \(seed)")
            #expect(outcome.answers > 0)
        }
    }

    /// What happens in no world nobody checks.
    @Test func worldsComeToEverything() async {
        let coverage = await withTaskGroup(of: Coverage.self) { group in
            for block in 0..<8 {
                group.addTask {
                    stride(from: UInt64(block), to: 240, by: 8).reduce(into: Coverage()) { coverage, seed in
                        coverage.add(Simulation.play(seed: seed).coverage)
                    }
                }
            }
            return await group.reduce(into: Coverage()) { $0.add($1) }
        }
        #expect(coverage.missing == [])
    }

    @Test func aSeedIsTheSameWorldEveryTime() {
        let first = Simulation.play(seed: 5, isTraced: true)
        let second = Simulation.play(seed: 5, isTraced: true)
        #expect(first.hash == second.hash)
        #expect(first.trace == second.trace)
        #expect(first.hash != Simulation.play(seed: 6).hash)
    }

    @Test func clientsCanBeLeftOut() {
        let seed: UInt64 = 5
        let some = Simulation.play(seed: seed, without: [0])
        #expect(some.violation == nil)
        let none = Simulation.play(seed: seed, without: Set(0..<Simulation.clients(of: seed)))
        #expect(none.answers == 0 && none.violation == nil)
    }

    @Test func eventsComeInTimeAndInOrder() {
        var queue = EventQueue<Int>()
        for (event, time) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 30)] { queue.add(event, at: UInt64(time)) }
        var events: [Int] = []
        while let (_, event) = queue.takeFirst() { events.append(event) }
        #expect(events == [2, 4, 3, 1, 5])
    }
}
