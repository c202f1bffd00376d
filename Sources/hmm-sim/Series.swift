import Foundation
import HMMSimulator
import Synchronization

/// Many seeds on several threads; the first that fails ends it.
final class Series: Sendable {
    struct State {
        var next: UInt64
        var played: UInt64 = 0
        var inputs: UInt64 = 0
        var failure: Simulation.Outcome?
        var nextReport: UInt64
        var coverage = Coverage()
    }

    private let last: UInt64
    private let jobs: Int
    private let keepsGoing: Bool
    private let state: Mutex<State>
    /// Seeds between two lines of progress.
    private let interval: UInt64
    private let watchdog = Watchdog()

    var coverage: Coverage { state.withLock { $0.coverage } }

    /// `count` seeds, or all there are.
    init(from first: UInt64, count: UInt64?, jobs: Int, keepsGoing: Bool) {
        self.keepsGoing = keepsGoing
        last = count.map { first &+ $0 } ?? .max
        self.jobs = jobs
        interval = min(1000, max(1, (count ?? .max) / 10))
        state = Mutex(State(next: first, nextReport: interval))
    }

    /// Plays; the outcome of the first seed found that fails, the lowest when several do at once.
    func run() -> Simulation.Outcome? {
        let begin = ContinuousClock.now
        Traps.install()
        watchdog.start()
        let threads = (0..<jobs).map { number in
            let finished = DispatchSemaphore(value: 0)
            let thread = Thread {
                self.work(number)
                finished.signal()
            }
            // Deep recursion is not in it, but debug builds have large frames.
            thread.stackSize = 8 << 20
            thread.start()
            return finished
        }
        for finished in threads { finished.wait() }
        let (played, inputs, failure) = state.withLock { ($0.played, $0.inputs, $0.failure) }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        Self.say(
            "\(played) seeds, \(inputs) inputs, \(Int(seconds.rounded())) s, \(failure == nil ? "no" : "a") violation")
        return failure
    }

    private func work(_ thread: Int) {
        while let seed = take() {
            Traps.note(thread, seed)
            watchdog.note(thread, seed)
            // Some are played twice: the same bytes come out.
            note(seed % 16 == 0 ? Simulation.playTwice(seed: seed) : Simulation.play(seed: seed))
            watchdog.note(thread, nil)
            Traps.note(thread, nil)
        }
    }

    private func take() -> UInt64? {
        state.withLock { state in
            guard state.failure == nil || keepsGoing, state.next < last else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    private func note(_ outcome: Simulation.Outcome) {
        state.withLock { state in
            state.played += 1
            state.inputs += UInt64(outcome.inputs)
            state.coverage.add(outcome.coverage)
            if keepsGoing, let violation = outcome.violation { Self.say("seed \(outcome.seed): \(violation)") }
            if outcome.violation != nil, outcome.seed < state.failure?.seed ?? .max { state.failure = outcome }
            guard state.played >= state.nextReport else { return }
            state.nextReport += interval
            Self.say("\(state.played) seeds")
        }
    }

    /// A line at once, whatever becomes of the process.
    private static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}
