internal import Synchronization

/// Counts the connections of the whole server, and keeps their number bounded.
final class Admission: Sendable {
    private struct State {
        var count = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let bound: Int
    private let state = Mutex(State())

    init(bound: Int) { self.bound = bound }

    var count: Int { state.withLock { $0.count } }

    /// False if there are too many; else needs one call of `leave`.
    func enter() -> Bool {
        state.withLock { state in
            guard state.count < bound else { return false }
            state.count += 1
            return true
        }
    }

    func leave() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.count -= 1
            guard state.count == 0 else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when there is no connection, or when somebody has called `stopWaiting`.
    func waitUntilEmpty() async {
        await withCheckedContinuation { waiter in
            let isEmpty = state.withLock { state in
                if state.count > 0 { state.waiters.append(waiter) }
                return state.count == 0
            }
            if isEmpty { waiter.resume() }
        }
    }

    func stopWaiting() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
