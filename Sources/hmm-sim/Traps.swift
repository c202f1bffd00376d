import Glibc

/// A trap in an engine ends the process: before it does, the seeds being played are named.
enum Traps {
    private static let capacity = 256
    /// The seed that each thread plays, plus one; 0 for none.
    nonisolated(unsafe) private static let playing = {
        let seeds = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
        seeds.initialize(repeating: 0, count: capacity)
        return seeds
    }()
    nonisolated(unsafe) private static let text = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)

    static func install() {
        note(0, nil)
        text.initialize(repeating: 0, count: 64)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] {
            signal(number) { number in
                Traps.tell()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    /// A thread plays `seed` from now on.
    static func note(_ thread: Int, _ seed: UInt64?) { playing[thread] = seed.map { $0 &+ 1 } ?? 0 }

    /// In a signal handler: nothing that allocates.
    private static func tell() {
        for thread in 0..<capacity where playing[thread] != 0 {
            say("a trap; one of these plays it again: hmm-sim --seed ")
            var at = 63
            text[at] = UInt8(ascii: "\n")
            var left = playing[thread] &- 1
            repeat {
                at -= 1
                text[at] = UInt8(ascii: "0") + UInt8(left % 10)
                left /= 10
            } while left > 0
            write(2, text + at, 64 - at)
        }
    }

    private static func say(_ words: StaticString) { write(2, words.utf8Start, words.utf8CodeUnitCount) }
}
