internal import CLinux
internal import Glibc

/// A mutual exclusion lock that is taken and released in different functions.
///
/// Unchecked: the pointer never changes, and the mutex behind it is made for sharing.
final class Lock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @inline(__always) func lock() { pthread_mutex_lock(mutex) }

    /// False if the lock could not be had in time; 0 nanoseconds only tries.
    func lock(within nanoseconds: UInt64) -> Bool {
        if pthread_mutex_trylock(mutex) == 0 { return true }
        guard nanoseconds > 0 else { return false }
        // The mutex waits by this clock; when somebody sets it, this wait ends early or late.
        var end = timespec()
        clock_gettime(CLOCK_REALTIME, &end)
        let sum = UInt64(end.tv_nsec) + nanoseconds
        end.tv_sec += Int(sum / 1_000_000_000)
        end.tv_nsec = Int(sum % 1_000_000_000)
        return pthread_mutex_timedlock(mutex, &end) == 0
    }

    @inline(__always) func unlock() { pthread_mutex_unlock(mutex) }

    @inline(__always)
    func withLock<Result>(_ body: () -> Result) -> Result {
        lock()
        defer { unlock() }
        return body()
    }
}
