public import HMMProtocol

/// A transcript being carried out, without I/O: it says what to do next, and judges what came of it.
///
/// ```
/// var run = TranscriptRun(transcript)
/// while true {
///     switch try run.next() {
///     case .receive(let name): try run.resume(/* the next line of `name` */)
///     …
///     case .finished: return
///     }
/// }
/// ```
///
/// `TranscriptPeer.play` is that loop for a peer that needs no waiting.
public struct TranscriptRun {
    /// What to do next. `receive` and `settle` want a `resume` before the next `next`.
    public enum Command: Equatable, Sendable {
        /// Text of the file for whoever watches.
        case remark(String)
        case heading(String)
        case connect(String, tenant: String)
        case send(String, [UInt8])
        /// Wait for the next line of this connection, or its end.
        case receive(String)
        /// See to it that everything sent so far has been worked through, then take a line if one is there.
        case settle(String)
        case advance(milliseconds: UInt64)
        /// Drop the transport without a word.
        case cut(String)
        case finished
    }

    /// What came of `receive` or `settle`.
    public enum Outcome: Equatable, Sendable {
        case line(ServerLineReader.Item)
        /// The server has closed.
        case ended
        /// No line came: right for `settle`, for `receive` a timeout.
        case nothing
    }

    private struct Connection {
        var greetingIsDue = true
        var isOpen = true
        /// The server said bye, so its closing is no surprise.
        var saidBye = false
    }

    private let transcript: Transcript
    private var position = 0
    /// Connections that are to be quiet before the next step, the first one being asked.
    private var settling: [String] = []
    private var finalCheckMade = false
    private var connections: [String: Connection] = [:]
    private var opened: [String] = []
    /// What has been bound so far.
    public private(set) var bindings: [String: [UInt8]] = [:]

    public init(_ transcript: Transcript) { self.transcript = transcript }

    /// Line of the file that is being carried out.
    public var line: Int {
        let step = position < transcript.steps.count ? transcript.steps[position] : transcript.steps.last
        return step?.line ?? 1
    }

    /// - Throws: when a line cannot be sent because a name is not bound, or its connection is closed.
    public mutating func next() throws(TranscriptFailure) -> Command {
        if let name = settling.first { return .settle(name) }
        guard position < transcript.steps.count else {
            if finalCheckMade { return .finished }
            finalCheckMade = true
            settling = opened.filter { connections[$0]?.isOpen == true }
            return try next()
        }
        let action = transcript.steps[position].action
        if case .connect(let name, let tenant) = action {
            guard connections[name]?.isOpen != true else { throw failure("\(name) is connected already") }
            position += 1
            return open(name, tenant)
        }
        // A connection is opened when first spoken of.
        for name in action.connections where connections[name] == nil { return open(name, "ci") }
        return try begin(action)
    }

    private mutating func open(_ name: String, _ tenant: String) -> Command {
        connections[name] = Connection()
        if !opened.contains(name) { opened.append(name) }
        return .connect(name, tenant: tenant)
    }

    private mutating func begin(_ action: Transcript.Action) throws(TranscriptFailure) -> Command {
        for name in action.connections where connections[name]?.isOpen != true {
            throw failure("\(name) is closed; `@connect \(name)` opens it again")
        }
        switch action {
        case .expect(let name, _, _), .end(let name): return .receive(name)
        case .quiet(let names):
            settling = names
            return .settle(names[0])
        default: break
        }
        defer { position += 1 }
        switch action {
        case .remark(let text): return .remark(text)
        case .heading(let text): return .heading(text)
        case .send(let name, let template):
            switch template.fill(bindings) {
            case .success(let octets): return .send(name, octets + [10])
            case .failure(let unbound): throw failure("$\(unbound.name) has no value yet", expected: template.source)
            }
        case .sendOctets(let name, let octets): return .send(name, octets)
        case .advance(let milliseconds): return .advance(milliseconds: milliseconds)
        case .cut(let name):
            connections[name]?.isOpen = false
            return .cut(name)
        case .connect, .expect, .end, .quiet: return .finished
        }
    }

    /// Takes what came of the last command, and returns it if it is part of the conversation (the greeting is not,
    /// unless expected).
    ///
    /// - Throws: when it is not what the transcript says.
    @discardableResult
    public mutating func resume(_ outcome: Outcome) throws(TranscriptFailure) -> Outcome? {
        if let name = settling.first {
            try settled(name, outcome)
            return nil
        }
        guard position < transcript.steps.count else { return nil }
        switch transcript.steps[position].action {
        case .expect(let name, let pattern, let literal):
            if isPassedOver(name, outcome, unless: pattern.expectsBanner) { return nil }
            try check(name, outcome, pattern, literal)
        case .end(let name):
            if isPassedOver(name, outcome, unless: false) { return nil }
            guard outcome == .ended else {
                throw failure("\(name) should have been closed", received: Self.describe(outcome))
            }
            connections[name]?.isOpen = false
        default: return nil
        }
        position += 1
        return outcome
    }

    private mutating func isPassedOver(_ name: String, _ outcome: Outcome, unless isExpected: Bool) -> Bool {
        guard connections[name]?.greetingIsDue == true, case .line(let item) = outcome, case .banner = item.line else {
            return false
        }
        connections[name]?.greetingIsDue = false
        return !isExpected
    }

    private mutating func check(
        _ name: String, _ outcome: Outcome, _ pattern: Pattern, _ literal: Transcript.LiteralPattern?
    ) throws(TranscriptFailure) {
        guard case .line(let item) = outcome else {
            let reason = outcome == .ended ? "\(name) was closed by the server" : "\(name) received nothing"
            throw failure(reason, expected: pattern.source)
        }
        guard let bound = pattern.match(item.bytes, bindings) else {
            throw failure("\(name) received another line", expected: pattern.source, received: item.text)
        }
        if case .bye = item.line { connections[name]?.saidBye = true }
        switch (literal, item.literal) {
        case (nil, nil), (.anything?, _?): break
        case (nil, let octets?):
            throw failure("\(name) received a literal; `\(name)<|` expects one", received: Octets.display(octets))
        case (.exactly(let octets)?, let received):
            guard octets != received else { break }
            throw failure(
                "\(name) received another literal", expected: Octets.display(octets),
                received: received.map { Octets.display($0) } ?? "none")
        case (.anything?, nil): throw failure("\(name) received no literal", expected: "*", received: item.text)
        }
        bindings = bound
    }

    private mutating func settled(_ name: String, _ outcome: Outcome) throws(TranscriptFailure) {
        if isPassedOver(name, outcome, unless: false) { return }
        switch outcome {
        case .nothing: break
        case .line(let item): throw failure("\(name) should be quiet", received: item.text)
        case .ended:
            connections[name]?.isOpen = false
            guard connections[name]?.saidBye == true else { throw failure("\(name) was closed by the server") }
        }
        settling.removeFirst()
        if settling.isEmpty, !finalCheckMade { position += 1 }
    }

    private static func describe(_ outcome: Outcome) -> String? {
        if case .line(let item) = outcome { item.text } else { nil }
    }

    /// A failure at the line being carried out, with the bindings so far.
    public func failure(_ reason: String, expected: String? = nil, received: String? = nil) -> TranscriptFailure {
        let bound = bindings.sorted { $0.key < $1.key }.map { "\($0.key)=\(String(decoding: $0.value, as: UTF8.self))" }
        return TranscriptFailure(
            file: transcript.file, line: line, reason: reason, expected: expected, received: received, bindings: bound)
    }
}
