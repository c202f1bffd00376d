public import HMMProtocol

/// The other side of a transcript that answers without waiting: the pure engine, or a fake in a test.
///
/// Cut what comes back into lines with one `ServerLineReader` per connection, and hand out its items.
public protocol TranscriptPeer {
    mutating func connect(_ name: String, tenant: String) throws
    mutating func send(_ octets: [UInt8], on name: String) throws
    /// The next line that has come, or `.nothing`, or `.ended` when the server has closed and all lines are taken.
    mutating func receive(on name: String) throws -> TranscriptRun.Outcome
    mutating func advance(milliseconds: UInt64) throws
    mutating func cut(_ name: String) throws
}

extension TranscriptPeer {
    /// Carries out the transcript; `observe` sees the conversation as it happens, for a `TranscriptPrinter`.
    ///
    /// - Throws: `TranscriptFailure`; errors of the peer become one.
    public mutating func play(
        _ transcript: Transcript, observe: (TranscriptMoment) -> Void = { _ in }
    ) throws(TranscriptFailure) {
        var run = TranscriptRun(transcript)
        while true {
            let command = try run.next()
            if command == .finished { return }
            if let moment = TranscriptMoment(command) { observe(moment) }
            let outcome: TranscriptRun.Outcome?
            do {
                outcome = try perform(command)
            } catch {
                throw run.failure("\(error)")
            }
            guard let outcome else { continue }
            let shown = try run.resume(outcome)
            if let shown, let moment = TranscriptMoment(command, shown) { observe(moment) }
        }
    }

    private mutating func perform(_ command: TranscriptRun.Command) throws -> TranscriptRun.Outcome? {
        switch command {
        case .connect(let name, let tenant): try connect(name, tenant: tenant)
        case .send(let name, let octets): try send(octets, on: name)
        case .receive(let name), .settle(let name): return try receive(on: name)
        case .advance(let milliseconds): try advance(milliseconds: milliseconds)
        case .cut(let name): try cut(name)
        case .remark, .heading, .finished: break
        }
        return nil
    }
}

/// Something in a conversation that a reader wants to see.
public enum TranscriptMoment: Equatable, Sendable {
    case remark(String)
    case heading(String)
    case connected(String, tenant: String)
    case sent(String, [UInt8])
    case received(String, ServerLineReader.Item)
    case waiting(milliseconds: UInt64)
    case cut(String)
    /// The server has closed.
    case ended(String)

    /// What a command shows before it is carried out.
    public init?(_ command: TranscriptRun.Command) {
        switch command {
        case .remark(let text): self = .remark(text)
        case .heading(let text): self = .heading(text)
        case .connect(let name, let tenant): self = .connected(name, tenant: tenant)
        case .send(let name, let octets): self = .sent(name, octets)
        case .advance(let milliseconds): self = .waiting(milliseconds: milliseconds)
        case .cut(let name): self = .cut(name)
        case .receive, .settle, .finished: return nil
        }
    }

    /// What its outcome shows.
    public init?(_ command: TranscriptRun.Command, _ outcome: TranscriptRun.Outcome) {
        guard case .receive(let name) = command else { return nil }
        switch outcome {
        case .line(let item): self = .received(name, item)
        case .ended: self = .ended(name)
        case .nothing: return nil
        }
    }
}
