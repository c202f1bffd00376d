internal import Logging
internal import Synchronization

/// Counts the connections of the whole server and of each address, and keeps their numbers bounded.
final class Admission: Sendable {
    private struct State {
        var bound: Int
        /// Of one address; nil for no such bound.
        var boundOfAddress: Int?
        var count = 0
        var counts: [AddressPrefix: Int] = [:]
        var waiters: [CheckedContinuation<Void, Never>] = []
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

    /// Why a connection cannot be let in; nil if it can, and then it needs one call of `leave`.
    func enter(from address: AddressPrefix?) -> String? {
        state.withLock { state in
            guard state.count < state.bound else { return "too many connections" }
            if let address {
                let count = state.counts[address] ?? 0
                if let bound = state.boundOfAddress, count >= bound {
                    return "too many connections from this address"
                }
                state.counts[address] = count + 1
            }
            state.count += 1
            return nil
        }
    }

    func leave(from address: AddressPrefix?) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.count -= 1
            if let address, let count = state.counts[address] {
                state.counts[address] = count > 1 ? count - 1 : nil
            }
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
