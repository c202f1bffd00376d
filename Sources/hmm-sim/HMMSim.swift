import ArgumentParser
import Foundation
import HMMSimulator

@main
struct HMMSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hmm-sim",
        abstract: "Play engines, clients and a network under a seed, and check what the clients rely on.",
        discussion: "The same seed plays the same world everywhere. See docs/simulator.md.")

    @Option(help: ArgumentHelp("Play this seed alone.", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("The first of many seeds.", valueName: "n"))
    var from: UInt64 = 0

    @Option(help: ArgumentHelp("How many seeds; 0: without end.", valueName: "n"))
    var seeds: UInt64 = 1000

    @Option(help: ArgumentHelp("Threads.", valueName: "n"))
    var jobs: Int = 2

    @Option(help: ArgumentHelp("With --seed: leave out these clients, by their numbers.", valueName: "n,n"))
    var without: String = ""

    @Flag(help: "With --seed: show everything that happens, not only what came last.")
    var trace = false

    @Flag(help: "Say which seed fails and no more.")
    var quick = false

    @Flag(help: "Go on after a seed that fails, and name them all.")
    var keepGoing = false

    @Flag(help: "Show what has happened in all worlds, and fail if anything that should has not.")
    var coverage = false

    mutating func validate() throws {
        guard jobs > 0, jobs <= 256 else { throw ValidationError("--jobs is from 1 to 256") }
        guard without.isEmpty || seed != nil else { throw ValidationError("--without goes with --seed") }
        guard !coverage || seed == nil else { throw ValidationError("--coverage is about many seeds") }
        for part in without.split(separator: ",") where Int(part) == nil {
            throw ValidationError("--without is a list of numbers, as in 2,5")
        }
    }

    func run() throws {
        if let seed { return try replay(seed) }
        let series = Series(from: from, count: seeds == 0 ? nil : seeds, jobs: jobs, keepsGoing: keepGoing)
        let failure = series.run()
        let isCovered = coverage ? show(series.coverage) : true
        if let failure { show(failure) }
        if failure != nil || !isCovered { throw ExitCode.failure }
    }

    private func show(_ failure: Simulation.Outcome) {
        print("seed \(failure.seed): \(failure.violation?.description ?? "")")
        guard !quick else { return }
        let shrunk = Shrunk(failure)
        show(shrunk.outcome.trace)
        print("seed \(failure.seed): \(shrunk.outcome.violation?.description ?? "")")
        print("replay: \(shrunk.command)")
    }

    private func replay(_ seed: UInt64) throws {
        let absent = Set(without.split(separator: ",").compactMap { Int($0) })
        let watchdog = Watchdog()
        watchdog.start()
        watchdog.note(0, seed)
        // Line by line, so that they are there whatever becomes of the process.
        let listener: (String) -> Void = { line in FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
        let outcome = Simulation.play(seed: seed, without: absent, isTraced: true, listener: trace ? listener : nil)
        watchdog.note(0, nil)
        if !trace { show(outcome.trace) }
        print("seed \(seed): \(outcome.inputs) inputs, \(outcome.answers) answers, output \(hex(outcome.hash))")
        guard let violation = outcome.violation else { return }
        print("seed \(seed): \(violation)")
        throw ExitCode.failure
    }

    /// Returns whether all has happened that should.
    private func show(_ coverage: Coverage) -> Bool {
        for line in coverage.lines { print(line) }
        guard !coverage.missing.isEmpty else { return true }
        print("never: \(coverage.missing.joined(separator: ", "))")
        return false
    }

    private func show(_ trace: [String]) {
        let shown = trace.suffix(40)
        if shown.count < trace.count { print("… \(trace.count - shown.count) lines before; --trace shows them") }
        for line in shown { print(line) }
    }

    private func hex(_ hash: UInt64) -> String { String(hash, radix: 16) }
}
