internal import HMMEngine
internal import HMMProtocol

/// Makes a transcript of a recording, record by record: the same conversation, for people to read and cut down.
///
/// A transcript has no clock of its own: time passes where it says `@advance`. So the conversation is held once more,
/// with an engine whose time passes in that way, and what that one says is what is expected. Time passes only while
/// something is due, so that a day of waiting does not take a day to play.
public struct TranscriptConversion: ~Copyable {
    /// The text so far.
    public private(set) var text = TranscriptText()
    /// Records of which more or something else came than was recorded, for the sake of time, limits or roles.
    public private(set) var differences = 0
    /// False once something has happened that no transcript can say.
    public private(set) var goesOn = true

    private var engine = Engine()
    private var effects = Effects()
    private let limits: Limits
    private var requests = RecordedRequests()
    private var open: Set<ConnectionID> = []
    private var readers: [ConnectionID: ServerLineReader] = [:]
    private var recordedReaders: [ConnectionID: ServerLineReader] = [:]
    /// What has been said here to each connection, a line a piece, and has not been found in the recording yet; and the
    /// other way.
    private var heard: [ConnectionID: [[UInt8]]] = [:]
    private var expected: [ConnectionID: [[UInt8]]] = [:]
    /// Time as it passes for the transcript, in whole milliseconds.
    private var now = Instant(nanoseconds: 1_000_000_000)
    /// Time as it passed in the recording, less that in which nothing was due.
    private var passed: UInt64 = 1_000_000_000
    private var latest: Instant?
    /// The conversation knows of its recording, of which what is made here knows nothing.
    private var knowsOfRecording = false

    private static let millisecond: UInt64 = 1_000_000
    /// Shorter waits are not worth a line of their own.
    private static let shortest = 10 * millisecond

    public init(_ header: RecordingHeader) {
        limits = header.limits
        text.heading("Recorded from tenant \(header.tenant), version \(header.engineVersion)")
        // Nobody records the transcript.
        var policy = header.policy
        policy.quota[.recordingBytes] = .init()
        if header.limits != Limits() || policy != TenantPolicy() {
            text.remark("The tenant had limits or a policy of its own. Here it has none.")
        }
    }

    /// Takes the text so far.
    public mutating func takeText() -> [UInt8] { text.take() }

    /// Adds one record, which `replay` has just carried out.
    public mutating func convert(_ record: Record, after replay: borrowing Replay) {
        guard goesOn else { return }
        if engine.nextDeadline != nil, let latest { passed += record.time.nanoseconds - latest.nanoseconds }
        latest = record.time
        switch record.event {
        case .end: return
        case .input(.tick): passTime(wasDue: record.outputLength > 0 && !replay.goesOn)
        case .input(let input):
            passTimeUntilDue()
            convert(input)
        case .requests(let connection, let bytes):
            passTimeUntilDue()
            convert(bytes, of: connection)
        }
        expect(replay.effects)
        compare()
    }

    /// Long work is done at once here and was done in slices then, so what was said may have come later.
    private mutating func compare() {
        var differs = false
        for (connection, said) in heard {
            guard let recorded = expected[connection] else { continue }
            let common = zip(said, recorded).prefix { $0 == $1 }.count
            let isOther = common < min(said.count, recorded.count)
            differs = differs || isOther
            heard[connection] = isOther || common == said.count ? nil : Array(said.dropFirst(common))
            expected[connection] = isOther || common == recorded.count ? nil : Array(recorded.dropFirst(common))
        }
        if goesOn, differs { differences += 1 }
    }

    // MARK: Inputs

    private mutating func convert(_ input: Input) {
        switch input {
        case .connected(let id, let principal):
            text.connect(id)
            if principal.role != .admin {
                text.remark("It had the role \(principal.role.rawValue). Here it may do everything.")
            }
            open.insert(id)
            // As transcripts connect.
            let other = Principal(tenant: ShortName("ci") ?? .none, authentication: .mutualTLS)
            handle(.connected(id, other))
        case .disconnected(let id):
            guard open.remove(id) != nil else { return }
            text.cut(id)
            handle(.disconnected(id))
        case .drain:
            text.remark("Here the server began to stop, which a transcript cannot say.")
            goesOn = false
        case .refused(let id, let tag, let failure, _):
            requests.leaveOut(tag, of: id)
            text.remark(
                "\(TranscriptText.name(id)) sent something that was not recorded, and was told \(failure.code.rawValue)."
            )
        case .close(let id, let reason):
            text.remark("Whoever ran the server ended \(TranscriptText.name(id)): \(reason.rawValue).")
            guard open.remove(id) != nil else { return }
            text.cut(id)
            handle(.disconnected(id))
        case .policy: text.remark("Here another policy began to hold.")
        case .recording: knowsOfRecording = true
        case .drained, .unsent, .inspect, .tick, .request: break
        }
    }

    private mutating func convert(_ bytes: [UInt8], of connection: ConnectionID) {
        guard open.contains(connection) else { return }
        var reader = RequestReader(limits: limits)
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            var start = 0
            while let item = reader.next(bytes, &offset) {
                let source = bytes[start..<offset]
                start = offset
                // Elsewhere nobody records, and the answer would be another.
                if knowsOfRecording, case .request(let tag, .record) = item {
                    requests.leaveOut(tag, of: connection)
                    continue
                }
                requests.add(item, of: connection)
                if case .failure(_, _, closes: true) = item {
                    text.sendRaw(connection, source)
                } else {
                    text.send(connection, source)
                }
                effects.removeAll()
                engine.handle(item, from: connection, at: now, into: &effects)
                tell()
                finishSlices()
            }
        }
    }

    // MARK: Time

    private func wholeMilliseconds(_ nanoseconds: UInt64) -> UInt64 {
        nanoseconds / Self.millisecond * Self.millisecond
    }

    /// As much time as has passed, but not so much that something would come due that had not yet.
    private mutating func passTimeUntilDue() {
        guard let deadline = engine.nextDeadline, deadline > now else { return }
        let target = min(wholeMilliseconds(passed), deadline.nanoseconds - Self.millisecond)
        if target >= now.nanoseconds + Self.shortest { advance(to: target) }
    }

    private mutating func passTime(wasDue: Bool) {
        guard let deadline = engine.nextDeadline else { return }
        var target = max(now.nanoseconds, wholeMilliseconds(passed))
        if wasDue { target = max(target, deadline.nanoseconds) }
        guard deadline.nanoseconds <= target else { return }
        advance(to: target)
        passed = max(passed, target)
    }

    private mutating func advance(to target: UInt64) {
        text.advance(milliseconds: (target - now.nanoseconds) / Self.millisecond)
        while let deadline = engine.nextDeadline, deadline.nanoseconds <= target {
            now = max(now, deadline)
            handle(.tick)
        }
        now = Instant(nanoseconds: target)
    }

    // MARK: What is said

    private mutating func handle(_ input: Input) {
        effects.removeAll()
        engine.handle(input, at: now, into: &effects)
        tell()
        if input != .tick { finishSlices() }
    }

    /// Transcripts have no time for others between the slices of long work.
    private mutating func finishSlices() {
        while engine.isCut { handle(.tick) }
    }

    /// Writes down what has been said, and does what a transport does at once.
    private mutating func tell() {
        for (id, item) in Self.items(effects, &readers) {
            if case .banner = item.line { continue }
            heard[id, default: []].append(text.expect(id, item))
        }
        let signals = effects.signals
        for case .awaitDrain(let id) in signals { handle(.drained(id)) }
        for case .close(let id, _) in signals where open.remove(id) != nil {
            text.end(id)
            handle(.disconnected(id))
        }
    }

    private static func items(
        _ effects: borrowing Effects, _ readers: inout [ConnectionID: ServerLineReader]
    ) -> [(ConnectionID, ServerLineReader.Item)] {
        var items: [(ConnectionID, ServerLineReader.Item)] = []
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            let id = segment.connection
            readers[id, default: ServerLineReader()].append(
                UnsafeRawBufferPointer(rebasing: effects.text.bytes[segment.range]))
            while let item = try? readers[id]?.next() { items.append((id, item)) }
        }
        return items
    }

    /// What was recorded, as the transcript would have it.
    private mutating func expect(_ recorded: borrowing Effects) {
        var other = TranscriptText()
        for (id, item) in Self.items(recorded, &recordedReaders) {
            if case .banner = item.line { continue }
            if requests.isLeftOut(item.line, of: id) || isNewsOfRecording(item.line) { continue }
            expected[id, default: []].append(other.expect(id, item))
        }
    }

    private func isNewsOfRecording(_ line: ServerLine) -> Bool {
        guard knowsOfRecording, case .note(let text) = line else { return false }
        return text.hasPrefix("the recording ") || text.hasPrefix("quota recording-bytes ")
    }
}
