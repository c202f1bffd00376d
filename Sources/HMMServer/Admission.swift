internal import Logging
internal import Synchronization

/// Counts the connections of the whole server and of each address, and keeps their numbers bounded.
final class Admission: Sendable {
    private struct State {
        var bound: Int
        /// Of one address; nil for no such bound.
        var boundOfAddress: Int?
        var count = 0
        /// Those that have not shown who they are, of which half of the bound is kept free.
        var strangers = 0
        var counts: [AddressPrefix: Int] = [:]
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// Calls of `stopWaiting`.
        var stops = 0
    }

    private let state: Mutex<State>
    private let logger: Logger

    init(_ configuration: ServerConfiguration, _ logger: Logger) {
        self.logger = logger
        state = Mutex(
            State(
                bound: DescriptorLimit.connections(configuration, logger),
                boundOfAddress: configuration.maxConnectionsPerAddress))
    }

    var bound: Int { state.withLock { $0.bound } }

    /// Lets other bounds hold for connections yet to come.
    func adopt(_ configuration: ServerConfiguration) {
        let bound = DescriptorLimit.connections(configuration, logger)
        state.withLock { state in
            state.bound = bound
            state.boundOfAddress = configuration.maxConnectionsPerAddress
        }
    }

    var count: Int { state.withLock { $0.count } }

    /// Why a connection cannot be taken; nil if it can, and then it needs one call of `leave`, and before that one of
    /// `admit` if it was a stranger and no longer is.
    func enter(from address: AddressPrefix?, asStranger: Bool) -> String? {
        state.withLock { state in
            guard state.count < state.bound else { return "too many connections" }
            // Who has nothing to show must not keep those out who have.
            guard !asStranger || state.strangers < (state.bound + 1) / 2 else {
                return "too many connections that are not let in yet"
            }
            if let address {
                let count = state.counts[address] ?? 0
                if let bound = state.boundOfAddress, count >= bound {
                    return "too many connections from this address"
                }
                state.counts[address] = count + 1
            }
            state.count += 1
            if asStranger { state.strangers += 1 }
            return nil
        }
    }

    /// A stranger has shown who it is.
    func admit() { state.withLock { $0.strangers -= 1 } }

    func leave(from address: AddressPrefix?, asStranger: Bool) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.count -= 1
            if asStranger { state.strangers -= 1 }
            if let address, let count = state.counts[address] {
                state.counts[address] = count > 1 ? count - 1 : nil
            }
            guard state.count == 0 else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Calls of `stopWaiting` so far.
    var stops: Int { state.withLock { $0.stops } }

    /// Returns when there is no connection, or when somebody has called `stopWaiting`, which may have been before this
    /// begins: `stops` is what it was when the caller decided to wait.
    func waitUntilEmpty(since stops: Int) async {
        await withCheckedContinuation { waiter in
            let isOver = state.withLock { state in
                let isOver = state.count == 0 || state.stops != stops
                if !isOver { state.waiters.append(waiter) }
                return isOver
            }
            if isOver { waiter.resume() }
        }
    }

    func stopWaiting() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.stops += 1
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
