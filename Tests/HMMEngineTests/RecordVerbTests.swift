import HMMEngine
import HMMProtocol
import Testing

/// `record` against an engine whose recording is kept by the test: it hears signals and gives the news.
@Suite struct RecordVerbTests {
    private static let kept: RecordingNews = .kept(.onRequest)
    private static let began: RecordingNews = .began(file: "a.hmmrec", .onRequest)

    /// An engine with two connections, and what it says.
    private final class Tenant {
        var engine = Engine()
        private var effects = Effects()
        private let now = Instant(nanoseconds: 1)
        private(set) var signals: [Effects.Signal] = []

        init(_ news: RecordingNews..., role: Role = .admin) {
            for item in news { hear(item) }
            for id: UInt32 in [1, 2] {
                handle(
                    .connected(
                        ConnectionID(rawValue: id), Principal(tenant: .none, authentication: .mutualTLS, role: role)))
            }
            _ = take()
        }

        /// Connection 1 waits for nothing.
        var isIdle: Bool { engine.isIdle(ConnectionID(rawValue: 1)) }

        func handle(_ input: Input) { engine.handle(input, at: now, into: &effects) }

        func hear(_ news: RecordingNews) { handle(.recording(news)) }

        /// What `lines` of connection 1, or another, cause: lines with the connection each went to.
        func say(_ lines: String..., on id: UInt32 = 1) -> [String] {
            var reader = RequestReader(limits: Limits())
            Array((lines.joined(separator: "\n") + "\n").utf8).withUnsafeBytes { bytes in
                var offset = 0
                while let item = reader.next(bytes, &offset) {
                    engine.handle(item, from: ConnectionID(rawValue: id), at: now, into: &effects)
                }
            }
            return take()
        }

        func news(_ news: RecordingNews) -> [String] {
            hear(news)
            return take()
        }

        func take() -> [String] {
            defer { effects.removeAll() }
            signals = effects.signals
            var lines: [String] = []
            for index in 0..<effects.segmentCount {
                let segment = effects.segment(index)
                let text = String(decoding: effects.text.bytes[segment.range], as: UTF8.self)
                lines += text.split(separator: "\n").map { "\(segment.connection.rawValue) \($0)" }
            }
            return lines
        }
    }

    @Test func theAnswersComeWithTheNews() {
        let tenant = Tenant(Self.kept)
        #expect(tenant.say("record") == ["1 + state=off rule=on-request"])
        #expect(tenant.say("record start", "ping").isEmpty)
        #expect(tenant.signals == [.startRecording])
        #expect(!tenant.isIdle)
        // Another one waits for the same file; one that wants none has to wait.
        #expect(
            tenant.say("#b record start", "#c record stop", on: 2) == [
                "2 -c BUSY EBUSY retry-after=100 : the recording is being begun"
            ])
        #expect(tenant.signals.isEmpty)
        #expect(
            tenant.news(Self.began) == [
                "1 + state=on rule=on-request file=a.hmmrec", "2 +b state=on rule=on-request file=a.hmmrec", "1 +",
            ])
        #expect(tenant.isIdle)
        tenant.engine.recordedBytes = 777
        #expect(tenant.say("record start") == ["1 + state=on rule=on-request file=a.hmmrec bytes=777"])
        #expect(tenant.signals.isEmpty)
        #expect(tenant.say("record stop").isEmpty)
        #expect(tenant.signals == [.stopRecording])
        #expect(tenant.say("record start", on: 2) == ["2 - BUSY EBUSY retry-after=100 : the recording is being ended"])
        #expect(
            tenant.news(.ended(.stopped)) == [
                "2 * note : the recording a.hmmrec has ended: stopped",
                "1 + state=off rule=on-request file=a.hmmrec reason=stopped",
            ])
        #expect(tenant.say("record") == ["1 + state=off rule=on-request file=a.hmmrec reason=stopped"])
        for line in ["record start", "record stop"] {
            let answer = tenant.say(line)
            #expect(answer.first?.hasPrefix("1 - STATE EINVAL : the recording a.hmmrec has ended: stopped") == true)
        }
    }

    @Test(arguments: [
        (RecordingRefusal.late, "STATE EINVAL"), (.tooMany, "LIMIT EDQUOT"), (.disk, "STATE EIO"),
    ])
    func refusals(_ refusal: RecordingRefusal, _ code: String) {
        let tenant = Tenant(Self.kept)
        _ = tenant.say("record start")
        let answer = tenant.news(.refused(refusal))
        #expect(answer.count == 1 && answer.first?.hasPrefix("1 - \(code) : ") == true)
        // Only what has been forgotten is gone for good.
        let again = tenant.say("record start")
        if refusal == .late {
            #expect(again == answer && tenant.signals.isEmpty)
            #expect(tenant.say("record") == ["1 + state=off rule=on-request reason=late"])
        } else {
            #expect(again.isEmpty && tenant.signals == [.startRecording])
        }
    }

    @Test func whatIsAlwaysRecordedCannotBeStopped() {
        let tenant = Tenant(.began(file: "b.hmmrec", .always))
        #expect(tenant.say("record start") == ["1 + state=on rule=yes file=b.hmmrec"])
        #expect(tenant.say("record stop").first?.hasPrefix("1 - DENIED EACCES : ") == true)
        #expect(tenant.signals.isEmpty)
        #expect(
            tenant.news(.ended(.full)) == [
                "1 * note : the recording b.hmmrec has ended: full",
                "2 * note : the recording b.hmmrec has ended: full",
            ])
    }

    /// News may cross with requests.
    @Test func whatCrossesIsTold() {
        let tenant = Tenant(Self.kept, Self.began)
        #expect(tenant.say("record stop").isEmpty)
        #expect(tenant.news(.ended(.full)).last == "1 + state=off rule=on-request file=a.hmmrec reason=full")
        let other = Tenant(Self.kept)
        #expect(other.say("record stop").first?.hasPrefix("1 - STATE EINVAL : there is no recording") == true)
        #expect(other.say("record start").isEmpty)
        other.handle(.disconnected(ConnectionID(rawValue: 1)))
        #expect(other.news(Self.began).isEmpty)
        #expect(other.say("record", on: 2) == ["2 + state=on rule=on-request file=a.hmmrec"])
    }

    @Test func stoppingServersWaitForTheAnswer() {
        let tenant = Tenant(Self.kept, Self.began)
        _ = tenant.say("record stop")
        tenant.handle(.drain)
        #expect(tenant.take().allSatisfy { $0.contains("* note : the server is stopping") })
        let rest = tenant.news(.ended(.stopped))
        #expect(rest.contains("1 + state=off rule=on-request file=a.hmmrec reason=stopped"))
        #expect(rest.last?.hasSuffix("* bye SHUTDOWN") == true)
    }

    @Test func observersMayNot() {
        let tenant = Tenant(Self.kept, role: .observer)
        #expect(tenant.say("record start").first?.hasPrefix("1 - DENIED EACCES : ") == true)
        #expect(tenant.signals.isEmpty)
        for role in [Role.process, .driver] {
            let tenant = Tenant(Self.kept, role: role)
            #expect(tenant.say("record start").isEmpty && tenant.signals == [.startRecording])
        }
    }

    /// The quota counts the recording, and its soft bound is told.
    @Test func theQuotaSeesIt() {
        let tenant = Tenant(Self.kept)
        tenant.engine.recordedBytes = 1000
        let row = "1 = name=recording-bytes"
        #expect(tenant.say("quota").contains("\(row) soft=none hard=none unit=bytes"))
        _ = tenant.news(Self.began)
        #expect(tenant.say("quota").contains("\(row) use=1000 soft=none hard=none unit=bytes"))
        var policy = TenantPolicy()
        policy.quota[.recordingBytes] = .init(soft: 2000, hard: 3000)
        tenant.handle(.policy(policy))
        _ = tenant.say("hello enable=quota")
        tenant.engine.recordedBytes = 2001
        #expect(
            tenant.say("ping") == [
                "1 +", "1 * note : quota recording-bytes passed: use=2001 soft=2000 hard=3000 unit=bytes",
            ])
        _ = tenant.news(.ended(.full))
        #expect(tenant.say("quota").contains("\(row) soft=2000 hard=3000 unit=bytes"))
    }
}
