internal import HMMProtocol
internal import NIOCore
internal import Synchronization

/// Lines between the event loop that receives them and the one task that reads them.
final class LineInbox: Sendable {
    enum Batch: Sendable {
        /// At least one.
        case lines([ServerLineReader.Item])
        /// The server has closed in an orderly way.
        case ended
        /// The time was over, or the task was cancelled.
        case nothing
    }

    private struct State {
        var items: [ServerLineReader.Item] = []
        var bytes = 0
        var isFull = false
        var end: Result<Void, ClientError>?
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Bytes held beyond which the socket is read no more, so that a slow reader is felt by the server.
    private static let limit = 4 << 20
    private let state = Mutex(State())

    /// Returns whether reading has to pause.
    @discardableResult
    func deliver(_ items: [ServerLineReader.Item]) -> Bool {
        let (waiter, isFull) = state.withLock { state in
            state.items += items
            state.bytes += items.reduce(0) { $0 + $1.bytes.count + ($1.literal?.count ?? 0) + 64 }
            let wasFull = state.isFull
            state.isFull = state.bytes > Self.limit
            return (items.isEmpty ? nil : state.waiter.take(), state.isFull && !wasFull)
        }
        waiter?.resume()
        return isFull
    }

    /// Returns lines taken too many, before those that have come since.
    func putBack(_ items: [ServerLineReader.Item]) {
        state.withLock { $0.items.insert(contentsOf: items, at: 0) }
    }

    /// Nothing more will come. The first call counts.
    func finish(_ error: ClientError?) {
        let waiter = state.withLock { state in
            if state.end == nil { state.end = error.map { .failure($0) } ?? .success(()) }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// What has come, or the first of what comes before `deadline`; nil waits for ever. `resume` is called when
    /// reading may go on.
    func take(until deadline: NIODeadline?, on loop: any EventLoop, resume: () -> Void) async throws -> Batch {
        let timer = deadline.map { deadline in loop.scheduleTask(deadline: deadline) { self.wake() } }
        defer { timer?.cancel() }
        while true {
            let (items, end, wasFull) = state.withLock { state in
                defer {
                    state.items = []
                    state.bytes = 0
                    state.isFull = false
                }
                return (state.items, state.end, state.isFull)
            }
            if wasFull { resume() }
            if !items.isEmpty { return .lines(items) }
            if let end {
                try end.get()
                return .ended
            }
            if let deadline, NIODeadline.now() >= deadline { return .nothing }
            if Task.isCancelled { return .nothing }
            await wait()
        }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isNeedless = state.withLock { state in
                    guard state.items.isEmpty, state.end == nil, !Task.isCancelled else { return true }
                    state.waiter = continuation
                    return false
                }
                if isNeedless { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
    }

    private func wake() { state.withLock { $0.waiter.take() }?.resume() }
}
