import Glibc
import Synchronization

/// A value that is touched under its lock only: correct by construction. The thread sanitizer reports a race all the
/// same, once threads have to wait for one another: a contended `Synchronization.Mutex` is handed over by the kernel
/// (FUTEX_LOCK_PI and FUTEX_UNLOCK_PI), without an atomic operation that the sanitizer could see.
final class Counter: Sendable {
    let value = Mutex([0])
}

@main
struct Proof {
    static let rounds = 200

    static func main() {
        let counter = Counter()
        var threads: [pthread_t] = []
        for _ in 0..<4 {
            var thread = pthread_t()
            let argument = Unmanaged.passRetained(counter).toOpaque()
            pthread_create(
                &thread, nil,
                { argument in
                    let counter = Unmanaged<Counter>.fromOpaque(argument.unsafelyUnwrapped).takeRetainedValue()
                    for _ in 0..<Proof.rounds {
                        counter.value.withLock {
                            $0[0] += 1
                            // Long enough for the others to go to sleep over it.
                            usleep(100)
                        }
                    }
                    return nil
                }, argument)
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        print(counter.value.withLock { $0[0] } == 4 * rounds ? "the sum is right" : "the sum is wrong")
    }
}
