internal import HMMEngine
internal import HMMProtocol
internal import Logging

/// What the server can be told to do as a whole.
struct ServerControls: Sendable {
    /// Reads again what SIGHUP reads; returns why that failed.
    var reload: @Sendable () async -> String?
    /// Begins to stop; nil gives clients as long as they take. False when they have no more than that already.
    var drain: @Sendable (Duration?) -> Bool
}

/// Answers an operator's commands. No loop waits for it, and it waits for no loop and no engine longer than a moment.
struct AdminAnswers: Sendable {
    private static let loopPatience = Duration.seconds(2)
    /// Nanoseconds for one tenant's engine to come to rest.
    private static let enginePatience: UInt64 = 20_000_000

    let server: ServerContext
    let controls: ServerControls
    /// Process and user of the operator, for the log.
    var identity: Logger.Metadata = [:]

    /// The lines of the answer, and whether the conversation is over.
    func answer(_ verb: AdminVerb, _ command: Request) async -> (text: [UInt8], isOver: Bool) {
        switch verb {
        case .tenants: return (tenants(command.tag), false)
        case .connections: return (await connections(command), false)
        case .pending: return (pending(command), false)
        case .drop: return (await drop(command), false)
        case .drain: return (drain(command), false)
        case .reload: return (await reload(command.tag), false)
        case .limits: return (limits(command.tag), false)
        case .help: return (help(command), false)
        case .quit: return (Self.lines { $0.append("+\n* bye QUIT\n") }, true)
        }
    }

    /// A command's values, which outlive the line.
    struct Request: Sendable {
        var tag: Tag
        var name: ShortName
        var numbers: [UInt64?]
    }

    private static func lines(_ write: (inout WireBuffer) -> Void) -> [UInt8] {
        var text = WireBuffer()
        write(&text)
        return Array(text.bytes)
    }

    static func refusal(_ tag: Tag, _ failure: Failure) -> [UInt8] { lines { $0.append(failure, tag: tag) } }

    private static func end(_ tag: Tag, _ key: StaticString, _ count: Int, _ text: inout WireBuffer) {
        text.beginSuccess(tag)
        text.pair(key, UInt64(count))
        text.endLine()
    }

    // MARK: Looking

    /// In alphabetical order.
    private var shards: [TenantShard] { server.tenants.all.sorted { "\($0.name)" < "\($1.name)" } }

    private func tenants(_ tag: Tag) -> [UInt8] {
        let now = EventLoop.clock()
        return Self.lines { text in
            let shards = shards
            for shard in shards {
                text.beginRow(tag)
                text.pair(" tenant=", shard.name)
                text.pair(" age=", (now &- shard.born.nanoseconds) / 1_000_000_000)
                if let figures = TenantFigures(shard, patience: Self.enginePatience) {
                    Self.write(figures, &text)
                } else {
                    text.append(" busy=yes")
                }
                text.endLine()
            }
            Self.end(tag, " rows=", shards.count, &text)
        }
    }

    private static func write(_ figures: TenantFigures, _ text: inout WireBuffer) {
        text.pair(" connections=", figures.engine.connections)
        text.pair(" spaces=", figures.engine.spaces)
        text.pair(" devices=", figures.engine.devices)
        text.pair(" mirrors=", figures.engine.mirrors)
        text.pair(" pending=", figures.engine.pending)
        text.pair(" parked=", figures.engine.parked)
        text.pair(" rounds=", figures.engine.rounds)
        text.pair(" frames=", figures.engine.frames)
        text.pair(" frame-limit=", figures.engine.frameLimit)
        text.pair(" requests=", figures.requests)
    }

    private func connections(_ command: Request) async -> [UInt8] {
        let name = command.name
        let answers = await LoopSurvey.ask(server.loops, within: Self.loopPatience) { loop in
            let now = EventLoop.clock()
            return loop.connections.filter { name.isEmpty || $0.shard?.name == name }
                .map { ConnectionFigures($0, at: now) }
        }
        var all = answers.compactMap(\.self).joined()
            .sorted { ("\($0.tenant ?? .none)", $0.number) < ("\($1.tenant ?? .none)", $1.number) }
        ConnectionFigures.askEngines(&all, patience: Self.enginePatience)
        return Self.lines { [all] text in
            // As everywhere, one answer has a bound; what does not fit is only counted.
            for connection in all where text.count <= server.limits.answerBytes { connection.write(command.tag, &text) }
            Self.end(command.tag, " rows=", all.count, &text)
        }
    }

    private func pending(_ command: Request) -> [UInt8] {
        Self.lines { text in
            var count = 0
            for shard in shards where command.name.isEmpty || shard.name == command.name {
                let rows = shard.inspect(patience: Self.enginePatience) { engine, _, _ in
                    engine.writePending(command.tag, Instant(nanoseconds: EventLoop.clock()), &text) {
                        $0.pair(" tenant=", shard.name)
                    }
                    return engine.pendingCount
                }
                if rows == nil {
                    text.beginRow(command.tag)
                    text.pair(" tenant=", shard.name)
                    text.append(" busy=yes\n")
                }
                count += rows ?? 1
                if text.count > server.limits.answerBytes { break }
            }
            Self.end(command.tag, " rows=", count, &text)
        }
    }

    private struct Bound {
        var name: String
        var value: UInt64
        var unit: String
        var reason: String
        var used: Int?
    }

    private var bounds: [Bound] {
        func connections(_ name: String, _ bound: Int, _ reason: String, used: Int? = nil) -> Bound {
            Bound(name: name, value: UInt64(bound), unit: "connections", reason: reason, used: used)
        }
        return server.limits.rows.map {
            Bound(name: "\($0.name)", value: $0.value, unit: "\($0.unit)", reason: "\($0.reason)")
        } + [
            connections("server-connections", server.admission.bound, "of all tenants", used: server.admission.count),
            connections("admin-connections", AdminPort.connectionBound, "of operators, on the admin socket"),
            connections("metrics-connections", HTTPPort.connectionBound, "of whoever asks for metrics and health"),
        ]
    }

    private func limits(_ tag: Tag) -> [UInt8] {
        Self.lines { text in
            let bounds = bounds
            for bound in bounds {
                text.beginRow(tag)
                text.append(" name=")
                text.append(text: bound.name)
                text.pair(" limit=", bound.value)
                text.append(" unit=")
                text.append(text: bound.unit)
                if let used = bound.used { text.pair(" used=", UInt64(used)) }
                text.pair(" reason=", quoted: bound.reason)
                text.endLine()
            }
            Self.end(tag, " rows=", bounds.count, &text)
        }
    }

    private func help(_ command: Request) -> [UInt8] {
        let verbs = AdminVerb.allCases.map(\.spec).filter {
            command.name.isEmpty || ShortName($0.name) == command.name
        }
        guard !verbs.isEmpty else {
            return Self.refusal(command.tag, Failure(.unknownVerb, "there is no verb `\(command.name)`"))
        }
        return Self.lines { text in
            for spec in verbs {
                text.beginRow(command.tag)
                text.append(" verb=")
                text.append(text: spec.name)
                text.pair(" args=", quoted: spec.usage)
                text.pair(" doc=", quoted: spec.summary)
                text.endLine()
            }
            let arguments = command.name.isEmpty ? [] : verbs[0].arguments
            for argument in arguments {
                text.beginRow(command.tag)
                text.append(" arg=")
                text.append(text: argument.name)
                text.pair(" form=", quoted: argument.kind.form)
                text.pair(" doc=", quoted: argument.meaning)
                text.endLine()
            }
            Self.end(command.tag, " rows=", verbs.count + arguments.count, &text)
        }
    }

    // MARK: Acting

    /// Whoever did something stands in the log.
    private func note(_ message: Logger.Message, _ metadata: Logger.Metadata = [:]) {
        server.logger.notice(message, metadata: metadata.merging(identity) { $1 })
    }

    /// One connection is closed by itself; of a tenant the state goes as well, even if it was to be kept.
    private func drop(_ command: Request) async -> [UInt8] {
        let name = command.name
        let number = command.numbers[1]
        let count =
            if let number { await drop(name, number) } else { await drop(name) }
        note(
            "connections dropped by the operator",
            [
                "tenant": "\(name)", "connection": "\(number.map { "\($0)" } ?? "all")", "count": "\(count)",
            ])
        return Self.lines { Self.end(command.tag, " dropped=", count, &$0) }
    }

    private func drop(_ name: ShortName, _ number: UInt64) async -> Int {
        let answers = await LoopSurvey.ask(server.loops, within: Self.loopPatience) { loop in
            let chosen = loop.connections.filter { connection in
                connection.shard?.name == name && UInt64(connection.mailbox?.id.rawValue ?? 0) == number
            }
            for connection in chosen { connection.drop() }
            return chosen.count
        }
        return answers.compactMap(\.self).reduce(0, +)
    }

    private func drop(_ name: ShortName) async -> Int {
        let shard = server.tenants.all.first { $0.name == name }
        let count = shard?.inspect(patience: Self.enginePatience) { engine, _, _ in engine.connectionCount }
        let server = server
        _ = await LoopSurvey.ask([server.loops[0]], within: Self.loopPatience) { loop in
            loop.readClock()
            return server.tenants.drop(name, on: loop)
        }
        return count ?? 0
    }

    private func drain(_ command: Request) -> [UInt8] {
        let seconds = command.numbers[0].map { Duration.seconds(Int64(min($0, 1 << 31))) }
        let count = server.admission.count
        guard controls.drain(seconds) else {
            return Self.refusal(
                command.tag,
                Failure(
                    .state, "the server is stopping already, and `seconds` can only leave clients less than they have"))
        }
        note("drained by the operator", ["seconds": "\(seconds.map { "\($0.components.seconds)" } ?? "all")"])
        return Self.lines { Self.end(command.tag, " connections=", count, &$0) }
    }

    private func reload(_ tag: Tag) async -> [UInt8] {
        note("reload by the operator")
        if let reason = await controls.reload() {
            return Self.refusal(tag, Failure(.state, reason.split(separator: "\n").joined(separator: "; ")))
        }
        return Self.lines { text in
            text.beginSuccess(tag)
            text.endLine()
        }
    }
}
