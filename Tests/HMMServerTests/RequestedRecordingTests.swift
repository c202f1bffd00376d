import Foundation
import HMMEngine
import HMMProtocol
import HMMRecording
import Logging
import Synchronization
import Testing

@testable import HMMServer

/// Recordings that clients ask for.
@Suite struct RequestedRecordingTests {
    /// A server that records on request, in a folder that goes away.
    private func serve(
        _ change: (inout ServerConfiguration) -> Void = { _ in },
        policy: (inout RecordingPolicy) -> Void = { _ in }, _ body: (TestServer, String) async throws -> Void
    ) async throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        var recording = RecordingPolicy(folder: folder.path)
        policy(&recording)
        try await TestServer.run({
            $0.recording = recording
            $0.tenants.standard.recording = .onRequest
            change(&$0)
        }) { try await body($0, folder.path) }
    }

    private func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    /// The records of a file, replayed; throws at a divergence, a torn tail or damage.
    private func replay(_ path: String) throws -> [Record] {
        try Data(contentsOf: URL(filePath: path)).withUnsafeBytes { bytes in
            var reader = try RecordingReader(bytes)
            var replay = Replay(reader.header)
            var records: [Record] = []
            while let record = try reader.next(bytes) {
                try replay.play(record)
                records.append(record)
            }
            #expect(reader.offset == bytes.count)
            return records
        }
    }

    private func text(_ records: [Record]) -> String {
        records.map { record in
            if case .requests(_, let bytes) = record.event { String(decoding: bytes, as: UTF8.self) } else { "" }
        }.joined()
    }

    /// The value of `key` in an answer.
    private func value(_ key: String, _ answer: String) -> String? {
        answer.split(separator: " ").first { $0.hasPrefix("\(key)=") }.map { String($0.dropFirst(key.count + 1)) }
    }

    @Test(arguments: TestServer.Transport.allCases)
    func holdsTheTenantsWholeLife(transport: TestServer.Transport) async throws {
        try await serve({
            $0.plainLoopbackPort = 0
            $0.localTenant = ShortName("ci") ?? .none
        }) { fixture, folder in
            let other = try await fixture.client(over: transport)
            #expect(try await other.ask("mm.create") == "+ mm=1")
            let client = try await fixture.client(over: transport)
            #expect(try await client.ask("record").hasPrefix("+ state=off rule=on-request bytes="))
            #expect(try files(folder).isEmpty)
            let begun = try await client.ask("record start")
            let name = try #require(value("file", begun))
            #expect(begun.hasPrefix("+ state=on rule=on-request file=\(name) bytes="))
            // It is there by now.
            #expect(try files(folder) == [name])
            #expect(try await other.ask("mmap 1 0x10000 1p").hasPrefix("+ va=0x10000"))
            try await client.send("quota")
            var quota: [String] = []
            for _ in 0..<11 { quota.append(try await client.line()) }
            #expect(quota.contains { $0.hasPrefix("= name=recording-bytes use=") })
            // The answer comes when it is whole, so it can be read while the server runs.
            #expect(
                try await client.ask("record stop") == "+ state=off rule=on-request file=\(name) reason=stopped")
            let records = try replay("\(folder)/\(name)")
            #expect(records.last?.event == .end(.stopped))
            #expect(records.first?.event == .input(.recording(.kept(.onRequest))))
            #expect(records.contains { $0.event == .input(.recording(.began(file: name, .onRequest))) })
            let said = text(records)
            #expect(said.hasPrefix("mm.create\nrecord\nrecord start\n") && said.hasSuffix("quota\nrecord stop\n"))
            #expect(try await other.line() == "* note : the recording \(name) has ended: stopped")
            // The tenant goes on unrecorded.
            #expect(try await other.ask("write 1 0x10000 abc") == "+ n=3")
            let again = try await client.ask("record start")
            #expect(again.hasPrefix("- STATE EINVAL : the recording \(name) has ended: stopped"))
        }
    }

    @Test func whoeverLeavesFinishesTheFile() async throws {
        try await serve { fixture, folder in
            let client = try await fixture.client()
            let name = try #require(value("file", try await client.ask("record start")))
            try await client.send("mm.create", "quit")
            _ = try await client.ending()
            try await fixture.waitUntilEmpty()
            try await fixture.wait { fixture.log.contains("reason=closed") }
            let records = try replay("\(folder)/\(name)")
            #expect(records.last?.event == .end(.closed) && text(records).hasSuffix("mm.create\nquit\n"))
            // Another life is another recording.
            let next = try await fixture.client()
            let second = try #require(value("file", try await next.ask("record start")))
            #expect(second != name)
        }
    }

    @Test func whoDoesNotAskLeavesNothing() async throws {
        try await serve { fixture, folder in
            let client = try await fixture.client()
            _ = try await client.ask("mm.create")
            try await client.send("quit")
            _ = try await client.ending()
            try await fixture.waitUntilEmpty()
            #expect(try files(folder).isEmpty)
        }
    }

    /// What is kept ends with the limit `lookback`, to the byte.
    @Test func keepsWhatTheLimitSays() async throws {
        let place = try PrivateFolder(under: "/tmp")
        defer { place.remove() }
        let folder = try RecordingFolder(RecordingPolicy(folder: place.path), logger: Logger(label: "test"))
        let now = Instant(nanoseconds: 1)
        func recording(_ lookback: Int) throws -> Recording {
            var limits = Limits()
            limits.lookback = lookback
            return try #require(folder.begin(ShortName("ci") ?? .none, limits, TenantPolicy(), .onRequest))
        }
        let news = Mutex<[RecordingNews]>([])
        let first = try recording(5000)
        let empty = try #require(first.length)
        let one = try #require(first.tick(now))
        let size = try #require(first.tick(now)) - one
        for (bound, fits) in [(one + 50 * size, true), (one + 50 * size - 1, false)] {
            let recording = try recording(Int(bound))
            #expect(recording.begin { item in news.withLock { $0.append(item) } } == .kept(.onRequest))
            // The bound is in the header with as many digits.
            #expect(recording.length == empty)
            for _ in 0..<50 { #expect(recording.tick(now) != nil) }
            let last = recording.tick(now)
            #expect(last == (fits ? bound : nil))
            #expect(news.withLock { $0 } == (fits ? [] : [.refused(.late)]))
            recording.finish(.closed)
        }
        await folder.finish()
        #expect(try files(place.path).isEmpty)
    }

    @Test func tooLateIsRefused() async throws {
        try await serve({ $0.limits.lookback = 4096 }) { fixture, folder in
            let client = try await fixture.client()
            var answer = ""
            for _ in 0..<1000 where value("reason", answer) == nil {
                answer = try await client.ask("record")
                if let bytes = value("bytes", answer) { #expect(Int(bytes).map { $0 <= 4096 } == true) }
            }
            #expect(answer == "+ state=off rule=on-request reason=late")
            let refusal = try await client.ask("record start")
            #expect(refusal.hasPrefix("- STATE EINVAL : a recording needs everything") && refusal.contains("4096"))
            try await fixture.wait { fixture.server.context.tenants.all.allSatisfy { !$0.isRecorded } }
            // What is begun when nobody records any more, and in pieces.
            try await client.send("mm.create", "mmap 1 0x10000 1m")
            try await client.send(oneByOne: "write 1 0x10000 {3}\r\nabc\r\n#t ping\n")
            for expected in ["+ mm=1", "+ va=0x10000", "+ n=3", "+t"] {
                #expect(try await client.line().hasPrefix(expected))
            }
            #expect(try files(folder).isEmpty)
        }
    }

    @Test func aRequestThatIsUnderWayWhenRecordingEndsIsServed() async throws {
        try await serve({ $0.limits.lookback = 8192 }) { fixture, _ in
            let slow = try await fixture.client()
            let client = try await fixture.client()
            _ = try await client.ask("mm.create")
            _ = try await client.ask("mmap 1 0x10000 1m")
            try await slow.send(
                bytes: Array("write 1 0x10000 {300000}\n".utf8) + [UInt8](repeating: 65, count: 100_000))
            // Enough for recording to be given up in the middle.
            for _ in 0..<3 {
                try await client.send(bytes: (0..<1000).flatMap { _ in Array("ping\n".utf8) })
                for _ in 0..<1000 { _ = try await client.line() }
            }
            try await fixture.wait { fixture.server.context.tenants.all.allSatisfy { !$0.isRecorded } }
            try await slow.send(bytes: [UInt8](repeating: 66, count: 200_000) + Array("\n#t ping\n".utf8))
            #expect(try await slow.line() == "+ n=300000")
            #expect(try await slow.line() == "+t")
            #expect(try await slow.ask("read 1 \(0x10000 + 299_999) 1 as=hex").contains("42"))
        }
    }

    @Test func aFullRecordingIsToldToEverybody() async throws {
        try await serve({ _ in }, policy: { $0.bytes = 70_000 }) { fixture, folder in
            let client = try await fixture.client()
            let other = try await fixture.client()
            let name = try #require(value("file", try await client.ask("record start")))
            let chunk = (0..<200).flatMap { _ in Array("ping\n".utf8) }
            var note: String?
            for _ in 0..<100 where note == nil {
                try await client.send(bytes: chunk)
                for _ in 0..<200 {
                    var line = try await client.line()
                    if line.hasPrefix("*") {
                        note = line
                        line = try await client.line()
                    }
                    #expect(line == "+")
                }
            }
            try await fixture.wait { fixture.log.contains("reason=full") }
            let said = "* note : the recording \(name) has ended: full"
            if note == nil { note = try await client.line() }
            #expect(note == said)
            #expect(try await other.line() == said)
            #expect(try await client.ask("record") == "+ state=off rule=on-request file=\(name) reason=full")
            let bytes = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
            #expect(bytes.count <= 70_000)
            #expect(try replay("\(folder)/\(name)").last?.event == .end(.full))
        }
    }

    @Test func tooManyFilesAreRefused() async throws {
        try await serve({ _ in }, policy: { $0.files = 1 }) { fixture, folder in
            let client = try await fixture.client(tenant: 0)
            let other = try await fixture.client(tenant: 1)
            #expect(try await client.ask("record start").hasPrefix("+ state=on"))
            #expect(try await other.ask("record start").hasPrefix("- LIMIT EDQUOT : "))
            #expect(try await other.ask("record").hasPrefix("+ state=off rule=on-request bytes="))
            #expect(try files(folder).count == 1)
        }
    }

    /// No path of the machine is told, and one may ask again when the disk is there again.
    @Test func aDiskThatRefusesIsTold() async throws {
        try await serve { fixture, folder in
            try FileManager.default.moveItem(atPath: folder, toPath: folder + "-away")
            let client = try await fixture.client()
            let refusal = try await client.ask("record start")
            #expect(refusal.hasPrefix("- STATE EIO : ") && !refusal.contains("/"))
            try FileManager.default.moveItem(atPath: folder + "-away", toPath: folder)
            let name = try #require(value("file", try await client.ask("record start")))
            _ = try await client.ask("record stop")
            #expect(text(try replay("\(folder)/\(name)")) == "record start\nrecord start\nrecord stop\n")
        }
    }

    @Test func rulesOfTenantsHold() async throws {
        try await serve({
            var settings = TenantSettings()
            settings.recording = .always
            $0.tenants.listed[ShortName("ci") ?? .none] = settings
            settings.recording = .never
            $0.tenants.listed[ShortName("other") ?? .none] = settings
        }) { fixture, _ in
            let client = try await fixture.client(tenant: 0)
            let other = try await fixture.client(tenant: 1)
            #expect(try await client.ask("record start").hasPrefix("+ state=on rule=yes file=hmmd-"))
            #expect(try await client.ask("record stop").hasPrefix("- DENIED EACCES : "))
            #expect(try await other.ask("record") == "+ state=off rule=no")
            #expect(try await other.ask("record start").hasPrefix("- GATED ENOSYS : "))
        }
    }
}

extension Recording {
    /// Adds a small record.
    fileprivate func tick(_ now: Instant) -> UInt64? { record(.tick, at: now, causing: Effects()) }
}
