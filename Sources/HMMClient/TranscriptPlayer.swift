internal import HMMProtocol
internal import HMMTLS
public import HMMTranscript

/// Carries out transcripts over real connections.
public struct TranscriptPlayer: Sendable {
    /// How each tenant connects. A tenant that is not here connects as the first one.
    private var tenants: [String: (options: ConnectionOptions, context: TLSContext?)] = [:]
    private let first: (options: ConnectionOptions, context: TLSContext?)
    /// How long an expected line may take.
    public var patienceMilliseconds: Int64 = 10_000

    /// - Parameters:
    ///   - options: for the tenant `ci`, the default of transcripts.
    ///   - other: for the tenant `other`, if there is a second one.
    /// - Throws: `options`, naming a file that cannot be used.
    public init(_ options: ConnectionOptions, other: ConnectionOptions? = nil) throws(ClientError) {
        first = (options, try options.makeContext())
        if let other { tenants["other"] = (other, try other.makeContext()) }
    }

    /// Plays one transcript; `observe` sees the conversation as it happens.
    ///
    /// - Throws: the first difference.
    public func play(
        _ transcript: Transcript, observe: (TranscriptMoment) -> Void = { _ in }
    ) async throws(TranscriptFailure) {
        var stage = Stage(player: self)
        var run = TranscriptRun(transcript)
        let result: Result<Void, TranscriptFailure>
        do throws(TranscriptFailure) {
            try await play(&run, on: &stage, observe)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await stage.leave()
        try result.get()
    }

    private func play(
        _ run: inout TranscriptRun, on stage: inout Stage, _ observe: (TranscriptMoment) -> Void
    ) async throws(TranscriptFailure) {
        while true {
            let command = try run.next()
            if command == .finished { return }
            if let moment = TranscriptMoment(command) { observe(moment) }
            let outcome: TranscriptRun.Outcome?
            do {
                outcome = try await stage.perform(command)
            } catch {
                throw run.failure("\(error)")
            }
            guard let outcome else { continue }
            let shown = try run.resume(outcome)
            if let shown, let moment = TranscriptMoment(command, shown) { observe(moment) }
        }
    }

    fileprivate func connect(_ tenant: String) async throws(ClientError) -> LineConnection {
        guard tenant != "other" || tenants["other"] != nil else {
            throw .options("the transcript needs a second tenant: set HMMD_CERT_2 and HMMD_KEY_2")
        }
        let (options, context) = tenants[tenant] ?? first
        return try await LineConnection.connect(options, context: context)
    }
}

/// The connections of one transcript being played.
private struct Stage {
    private struct Actor {
        let tenant: String
        var lines: LineConnection
        /// Lines that have come and not been asked for; the next one last.
        var received: [ServerLineReader.Item]
        /// What was sent so far ends with a line end, so that a ping may follow.
        var isBetweenLines = true
        /// It has sent something that the server may not have taken yet.
        var isUnheard = false
    }

    let player: TranscriptPlayer
    private var actors: [String: Actor] = [:]
    private var asked = 0
    private var lastSpeaker = ""

    init(player: TranscriptPlayer) { self.player = player }

    mutating func perform(_ command: TranscriptRun.Command) async throws(ClientError) -> TranscriptRun.Outcome? {
        switch command {
        case .remark, .heading, .finished: break
        case .connect(let name, let tenant):
            let lines = try await player.connect(tenant)
            actors[name] = Actor(tenant: tenant, lines: lines, received: [lines.greeting])
        case .send(let name, let octets):
            if name != lastSpeaker { try await hear(lastSpeaker) }
            lastSpeaker = name
            actors[name]?.isBetweenLines = octets.last == 10
            actors[name]?.isUnheard = true
            // A server that has closed shows when its next line is expected.
            try? await actors[name]?.lines.send(octets)
        case .receive(let name): return try await receive(name, within: player.patienceMilliseconds)
        case .settle(let name): return try await settle(name)
        case .advance(let milliseconds): try? await Task.sleep(for: .milliseconds(Int64(milliseconds)))
        case .cut(let name): try await cut(name)
        }
        return nil
    }

    /// Sees to it that the server has taken what `name` said before somebody else speaks: lines of different
    /// connections have no order of their own.
    private mutating func hear(_ name: String) async throws(ClientError) {
        guard let actor = actors[name], actor.isUnheard, actor.isBetweenLines else { return }
        actors[name]?.isUnheard = false
        _ = try await ask(name, "ping")
    }

    /// Lets a transport vanish, and waits until another connection of the tenant no longer counts it.
    private mutating func cut(_ name: String) async throws(ClientError) {
        guard let gone = actors.removeValue(forKey: name) else { return }
        let witness = actors.keys.sorted().first {
            actors[$0]?.tenant == gone.tenant && actors[$0]?.isBetweenLines == true
        }
        let before: UInt64 = if let witness { try await connections(countedBy: witness) } else { 0 }
        await gone.lines.abort()
        guard let witness, before > 0 else { return }
        for _ in 0..<player.patienceMilliseconds {
            if try await connections(countedBy: witness) < before { return }
            try? await Task.sleep(for: .milliseconds(1))
        }
        throw .connectionLost("the server still counts \(name), whose transport is gone")
    }

    /// Connections of the tenant; 0 where the server does not tell.
    private mutating func connections(countedBy name: String) async throws(ClientError) -> UInt64 {
        for item in try await ask(name, "quota") {
            if case .row(_, let pairs) = item.line, pairs["name"]?.text == "connections" {
                return pairs["use"]?.number ?? 0
            }
        }
        return 0
    }

    /// Asks something beside the transcript. Lines that are not of the answer stay for the transcript.
    private mutating func ask(_ name: String, _ request: String) async throws(ClientError) -> [ServerLineReader.Item] {
        guard let lines = actors[name]?.lines else { return [] }
        asked += 1
        let tag = "stage\(asked)"
        try? await lines.send(line: "#\(tag) \(request)")
        var answer: [ServerLineReader.Item] = []
        while case .lines(let items) = try await lines.receive(within: player.patienceMilliseconds) {
            let others = items.filter { $0.line.tag?.description != tag }
            actors[name]?.received.insert(contentsOf: others.reversed(), at: 0)
            answer += items.filter { $0.line.tag?.description == tag }
            if answer.last?.line.endsAnswer == true { break }
        }
        return answer
    }

    private mutating func receive(_ name: String, within milliseconds: Int64) async throws(ClientError)
        -> TranscriptRun.Outcome
    {
        if let item = actors[name]?.received.popLast() {
            if item.line.endsAnswer { actors[name]?.isUnheard = false }
            return .line(item)
        }
        guard let lines = actors[name]?.lines else { return .ended }
        switch try await lines.receive(within: milliseconds) {
        case .lines(let items):
            actors[name]?.received = items.reversed()
            let item = actors[name]?.received.popLast() ?? items[0]
            if item.line.endsAnswer { actors[name]?.isUnheard = false }
            return .line(item)
        case .ended: return .ended
        case .nothing: return .nothing
        }
    }

    /// A ping that is answered says that all before it has been worked through.
    private mutating func settle(_ name: String) async throws(ClientError) -> TranscriptRun.Outcome {
        guard let actor = actors[name], actor.isBetweenLines else { return try await receive(name, within: 50) }
        if let item = actors[name]?.received.popLast() { return .line(item) }
        asked += 1
        let tag = "settle\(asked)"
        try? await actor.lines.send(line: "#\(tag) ping")
        let outcome = try await receive(name, within: player.patienceMilliseconds)
        switch outcome {
        case .line(let item):
            if case .success(let answered, _) = item.line, answered.description == tag { return .nothing }
            return outcome
        case .nothing: throw .connectionLost("\(name) does not answer a ping")
        case .ended: return outcome
        }
    }

    /// Ends every connection and waits for it, so that the next transcript finds a server without this one's tenant.
    func leave() async {
        for actor in actors.values where actor.isBetweenLines { try? await actor.lines.send(line: "#leave quit") }
        for actor in actors.values {
            if actor.isBetweenLines {
                while case .lines = try? await actor.lines.receive(within: 2000) {}
            }
            await actor.lines.close()
        }
    }
}
