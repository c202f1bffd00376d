internal import HMMEngine
internal import Synchronization

/// Lets a few log lines of one kind through in each stretch of time and counts the others: what strangers can cause
/// must not fill a disk.
final class LogThrottle: Sendable {
    private struct State {
        var start: UInt64 = 0
        var used = 0
        var suppressed = 0
    }

    private static let burst = 5
    private static let stretchNanoseconds: UInt64 = 10_000_000_000

    private let state = Mutex(State())

    /// The number of lines suppressed before this one, or nil if this one is to be suppressed too.
    func admit(at now: Instant) -> Int? {
        state.withLock { state in
            if state.used == 0 || now.nanoseconds &- state.start >= Self.stretchNanoseconds {
                state.start = now.nanoseconds
                state.used = 0
            }
            guard state.used < Self.burst else {
                state.suppressed += 1
                return nil
            }
            state.used += 1
            defer { state.suppressed = 0 }
            return state.suppressed
        }
    }
}
