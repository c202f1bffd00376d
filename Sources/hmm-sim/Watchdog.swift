import Foundation
import Synchronization

/// A world without an end, be it in the middle of one input, ends the process: before it does, the seed is named.
final class Watchdog: Sendable {
    /// A world takes some milliseconds, of huge pages some hundred.
    private static let patience = Duration.seconds(120)
    private let worlds = Mutex<[Int: (seed: UInt64, began: ContinuousClock.Instant)]>([:])

    /// A thread plays `seed` from now on.
    func note(_ thread: Int, _ seed: UInt64?) {
        worlds.withLock { $0[thread] = seed.map { ($0, .now) } }
    }

    func start() {
        let thread = Thread {
            while true {
                self.look()
                Thread.sleep(forTimeInterval: 1)
            }
        }
        thread.start()
    }

    private func look() {
        let endless = worlds.withLock { worlds in
            worlds.values.first { ContinuousClock.now - $0.began > Self.patience }?.seed
        }
        guard let endless else { return }
        let line =
            "a world does not end after \(Self.patience); this plays it again: hmm-sim --seed \(endless) --trace\n"
        FileHandle.standardError.write(Data(line.utf8))
        _exit(2)
    }
}
