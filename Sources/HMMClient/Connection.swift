public import HMMProtocol
internal import Synchronization

/// A connection as requests with answers: calls may overlap, each finds its answer by a tag of its own.
///
/// ```swift
/// let connection = try await Connection.connect(.fromEnvironment())
/// let answer = try await connection.request("mm.create")
/// for await event in connection.events where event.name == "inval" {
///     try await connection.acknowledge(event.number)
/// }
/// ```
public final class Connection: Sendable {
    private typealias Waiter = CheckedContinuation<Result<Answer, ClientError>, Never>

    private struct State {
        var table = RequestTable<Waiter>()
        var leases = LeaseBook()
        /// Why no request can be made any more.
        var end: ClientError?
        var bye: ClientError?
        /// Ends when the connection has.
        var reader: Task<Void, Never>?
        /// Pings while there are mirrors; nil without them.
        var keeper: Task<Void, Never>?
    }

    private let lines: LineConnection
    private let keepsLeases: Bool
    private let state: Mutex<State>
    private let eventSource: AsyncStream<Event>.Continuation
    /// Every event, in order, from the first on; ends with the connection. One task reads it.
    public let events: AsyncStream<Event>

    private init(_ lines: LineConnection, keepsLeases: Bool) {
        self.lines = lines
        self.keepsLeases = keepsLeases
        state = Mutex(State())
        (events, eventSource) = AsyncStream.makeStream()
    }

    /// Connects and waits for the greeting.
    ///
    /// - Parameter keepsLeases: ping every half of the smallest lease while this connection has mirrors.
    /// - Throws: `options` or `cannotConnect`.
    public static func connect(
        _ options: ConnectionOptions, keepsLeases: Bool = false
    ) async throws(ClientError) -> Connection {
        let connection = Connection(try await LineConnection.connect(options), keepsLeases: keepsLeases)
        let lines = connection.lines
        let reader = Task { [weak connection] in
            let end = await Self.read(lines) { items in connection?.take(items) }
            connection?.finish(end)
        }
        connection.state.withLock { $0.reader = reader }
        return connection
    }

    deinit {
        eventSource.finish()
        let lines = lines
        Task { await lines.close() }
    }

    /// What the server said first: limits and ways to authenticate.
    public var greeting: ServerLine { lines.greeting.line }

    /// Makes a request and waits for its answer.
    ///
    /// - Parameters:
    ///   - line: verb and arguments, without tag.
    ///   - literal: the octets that the line announces with `{count}`.
    /// - Throws: `refused` with what the server said, or why there is no connection any more.
    @discardableResult
    public func request(_ line: String, literal: [UInt8]? = nil) async throws(ClientError) -> Answer {
        let result = await withCheckedContinuation { (waiter: Waiter) in
            let tag = state.withLock { state -> Result<String, ClientError> in
                if let end = state.end { return .failure(end) }
                return .success(state.table.add(line, owner: waiter))
            }
            switch tag {
            case .failure(let error): waiter.resume(returning: .failure(error))
            case .success(let tag):
                lines.post(line: "#\(tag) \(line)", literal: literal) { [weak self] error in
                    let waiter = self?.state.withLock { $0.table.remove(tag) }
                    waiter?.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// The mirrors named by these events have let go.
    ///
    /// - Throws: `connectionLost`. A number that is unknown is not reported.
    public func acknowledge(_ numbers: UInt64...) async throws(ClientError) {
        try await lines.send(line: "ack " + numbers.map(String.init).joined(separator: " "))
    }

    /// Says `quit`, waits until the server has closed, or for 2 s, and closes.
    public func close() async {
        try? await lines.send(line: "quit")
        let patience = Task { [lines] in
            if (try? await Task.sleep(for: .seconds(2))) != nil { await lines.close() }
        }
        await state.withLock { $0.reader }?.value
        patience.cancel()
        await lines.close()
    }

    // MARK: Reading

    /// Reads to the end and returns why it ended.
    private static func read(
        _ lines: LineConnection, _ take: ([ServerLineReader.Item]) -> Void
    ) async -> ClientError {
        while true {
            do throws(ClientError) {
                switch try await lines.receive() {
                case .lines(let items): take(items)
                case .ended: return .connectionLost("the server has closed")
                case .nothing: break
                }
            } catch {
                return error
            }
        }
    }

    private func take(_ items: [ServerLineReader.Item]) {
        for item in items {
            switch item.line {
            case .row, .success, .failure:
                let completion = state.withLock { $0.table.take(item.line) }
                if let completion, case .success(let answer) = completion.result {
                    changeLeases { $0.take(completion.line, answer) }
                }
                completion?.owner.resume(returning: completion?.result ?? .success(Answer()))
            case .event(let number, let name, let pairs):
                let event = Event(number: number, name: name, pairs: pairs)
                changeLeases { $0.take(event) }
                eventSource.yield(event)
            case .bye(let code, let text): state.withLock { $0.bye = .closed(code: code, text: text) }
            case .banner, .note: break
            }
        }
    }

    private func finish(_ end: ClientError) {
        let (waiters, reason) = state.withLock { state in
            let reason = state.bye ?? end
            state.end = reason
            state.keeper?.cancel()
            return (state.table.removeAll(), reason)
        }
        for waiter in waiters { waiter.resume(returning: .failure(reason)) }
        eventSource.finish()
    }

    // MARK: Leases

    /// Lets `change` note what the leases are; when the smallest one is another, pings begin anew or end.
    private func changeLeases(_ change: (inout LeaseBook) -> Void) {
        state.withLock { state in
            let before = state.leases.pingMilliseconds
            change(&state.leases)
            guard keepsLeases, state.leases.pingMilliseconds != before else { return }
            state.keeper?.cancel()
            state.keeper = state.leases.pingMilliseconds.map { milliseconds in
                Task { [weak self] in await Self.ping(every: .milliseconds(Int64(clamping: milliseconds))) { self } }
            }
        }
    }

    /// Pings each `interval`, until cancelled or the connection has ended. What else is heard does not count: a line
    /// may have been on its way for long, and only the answer to a request shows that the server was there after it.
    private static func ping(every interval: Duration, _ connection: () -> Connection?) async {
        while !Task.isCancelled, connection() != nil {
            // Why it fails shows where the caller's own requests fail.
            guard (try? await connection()?.request("ping")) != nil else { return }
            try? await Task.sleep(for: interval)
        }
    }
}
