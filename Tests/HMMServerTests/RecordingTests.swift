import Foundation
import HMMEngine
import HMMProtocol
import HMMRecording
import Logging
import Testing

@testable import HMMServer

/// Recordings that a real server makes of real connections.
@Suite struct RecordingTests {
    private struct Found {
        var records: [Record] = []
        var inputs: UInt64 = 0
        /// What each connection was told, as the replay has it.
        var heard: [UInt32: [UInt8]] = [:]
    }

    /// Everything in the folder, replayed; throws at a divergence, a torn tail or damage.
    private func replay(_ folder: String) throws -> [Found] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
            let bytes = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
            return try bytes.withUnsafeBytes { bytes in
                var found = Found()
                var reader = try RecordingReader(bytes)
                var replay = Replay(reader.header)
                while let record = try reader.next(bytes) {
                    try replay.play(record)
                    found.records.append(record)
                    for index in 0..<replay.effects.segmentCount {
                        let segment = replay.effects.segment(index)
                        found.heard[segment.connection.rawValue, default: []] +=
                            replay.effects.text.bytes[segment.range]
                    }
                }
                #expect(reader.offset == bytes.count)
                found.inputs = replay.inputs
                return found
            }
        }
    }

    private func record(
        _ change: (inout ServerConfiguration) -> Void = { _ in },
        policy: (inout RecordingPolicy) -> Void = { _ in }, _ body: (TestServer) async throws -> Void
    ) async throws -> [Found] {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        var recording = RecordingPolicy(folder: folder.path)
        policy(&recording)
        try await TestServer.run(
            {
                $0.recording = recording
                change(&$0)
            }, body)
        return try replay(folder.path)
    }

    /// What waits for clients that do not read is an input like any other where a quota asks for it.
    @Test func whatIsUnsentIsToldAndReplays() async throws {
        let found = try await record({
            $0.tenants.standard.policy.quota[.unsentBytes].soft = 65536
            $0.patience.linger = .milliseconds(100)
        }) { fixture in
            let client = try await fixture.client()
            #expect(try await client.ask("hello enable=quota").hasPrefix("+"))
            let unsent = try #require(fixture.server.context.tenants.all.first).unsent
            // As when a mailbox or a socket is filled.
            unsent.change(by: 65536)
            #expect(try await client.ask("ping") == "+")
            unsent.change(by: 1)
            // Nobody has to ask for anything.
            let note = "* note : quota unsent-bytes passed: use=65537 soft=65536 hard=none unit=bytes"
            #expect(try await client.line() == note)
            unsent.change(by: -65537)
            #expect(try await client.ask("ping") == "+")
            unsent.change(by: 65537)
            try await client.send("ping")
            #expect(Set([try await client.line(), try await client.line()]) == ["+", note])
            unsent.change(by: -65537)
        }
        #expect(found[0].records.contains { $0.event == .input(.unsent(65537)) })
    }

    @Test func theEndOfSeveralConnectionsReplays() async throws {
        _ = try await record { fixture in
            let clients = [try await fixture.client(), try await fixture.client()]
            let loop = fixture.server.context.loops[0]
            loop.eventLoop.execute {
                loop.readClock()
                #expect(fixture.server.context.tenants.drop(ShortName("ci") ?? .none, on: loop))
            }
            for client in clients { #expect(try await client.ending().text == "* bye DROPPED\n") }
            try await fixture.waitUntilEmpty()
        }
    }

    /// Who has found the tenant and not yet come when it is dropped goes with it.
    @Test func theDropOfATenantReachesWhoIsOnTheWay() async throws {
        let found = try await record { fixture in
            let context = fixture.server.context
            let loop = context.loops[0]
            let ci = ShortName("ci") ?? .none
            let (isOver, end) = AsyncStream.makeStream(of: String.self)
            loop.eventLoop.execute {
                loop.readClock()
                var ends: [Int32] = [0, 0]
                socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
                close(ends[1])
                let socket = StreamSocket(ends[0], loop.eventLoop, input: loop.input)
                let handler = ConnectionHandler(
                    .plain(isReachableByBrowsers: false), socket, from: .init(), server: context, loop: loop)
                guard let shard = context.tenants.acquire(ci, on: loop) else { return end.finish() }
                #expect(context.tenants.drop(ci, on: loop))
                let principal = Principal(tenant: ci, authentication: .local, role: .admin)
                let (mailbox, delivery) = shard.connect(handler, as: principal, on: loop)
                #expect(delivery.closeReason == .dropped)
                end.yield(String(decoding: delivery.outbox, as: UTF8.self))
                shard.disconnect(mailbox, on: loop)
                context.tenants.release(shard, at: loop.now.nanoseconds)
                close(ends[0])
                end.finish()
            }
            var heard = ""
            for await text in isOver { heard += text }
            #expect(heard.hasPrefix("* HMM/1 auth=local ") && heard.hasSuffix("\n* bye DROPPED\n"))
        }
        #expect(found.count == 1 && found[0].records.last?.event == .end(.closed))
    }

    @Test func aTenantsLifeIsAFile() async throws {
        var heard: [UInt8] = []
        let lives = try await record { fixture in
            for _ in 0..<2 {
                let client = try await fixture.client()
                try await client.send("mm.create", "quit")
                heard = Array(try await client.ending().text.utf8)
                try await fixture.waitUntilEmpty()
            }
        }
        #expect(lives.count == 2)
        for life in lives {
            #expect(life.records.last?.event == .end(.closed))
            let said = String(decoding: life.heard[1] ?? [], as: UTF8.self)
            #expect(said.hasSuffix(String(decoding: heard, as: UTF8.self)))
            #expect(said.hasPrefix("* HMM/1 auth=mtls"))
        }
    }

    /// Lines and literals in pieces of every size, comments between them.
    @Test(arguments: TestServer.Transport.allCases)
    func requestsInPiecesAreWholeInTheRecording(transport: TestServer.Transport) async throws {
        let lives = try await record({ $0.plainLoopbackPort = 0 }) { fixture in
            let client = try await fixture.client(over: transport)
            try await client.send(oneByOne: "; remark\r\n\nmm.create\r\nmmap 1 0x10000 1m\n")
            try await client.send(oneByOne: "write 1 0x10000 {5}\r\nhe\nlo\r\n; more\n#t ping\n")
            let bulk = [UInt8](repeating: 7, count: 300_000)
            try await client.send(bytes: Array("write 1 0x10000 {300000}\n".utf8) + bulk + Array("\nquit\n".utf8))
            let ending = try await client.ending()
            #expect(ending.text.contains("n=300000"))
        }
        #expect(lives.count == 1)
        #expect(lives[0].inputs >= 8)
        let requests = lives[0].records.compactMap { record in
            if case .requests(_, let bytes) = record.event { bytes } else { nil }
        }
        #expect(requests.contains { $0.count > 300_000 })
    }

    /// Who sends thousands of requests at once has them run in turns, each of which is a record, and none is lost.
    @Test(arguments: TestServer.Transport.allCases)
    func aTurnIsSomeHundredRequests(transport: TestServer.Transport) async throws {
        let lives = try await record({ $0.plainLoopbackPort = 0 }) { fixture in
            let client = try await fixture.client(over: transport)
            let pings = String(repeating: "ping\n", count: 20_000)
            try await client.send(bytes: Array("\(pings)quit\n".utf8))
            let ending = try await client.ending()
            #expect(ending.text.split(separator: "\n").count { $0 == "+" } == 20_001)
        }
        let turns = lives[0].records.compactMap { record in
            if case .requests(_, let bytes) = record.event { bytes.count { $0 == 10 } } else { nil }
        }
        #expect(turns.reduce(0, +) == 20_001)
        #expect(turns.allSatisfy { $0 <= 256 })
    }

    /// Nil where only the refusal is kept.
    @Test(
        arguments: [
            ("ping\n", "ping\n"), ("auth token=s3cret-A\n", "auth token=x\n"),
            ("auth  token=s3cret\n", "auth token=x\n"), ("auth token=\"a\\ns3cret\"\n", "auth token=x\n"),
            ("; a\r\n\n#t auth s3cret\n", "#t auth token=x\n"),
            ("auth token={6}\r\ns3cret\r\n", "auth token=x\n"),
            ("auth tokne=\"s3\\\"cret\"\n", nil), ("auth token=s3cret token=s3cret\n", nil),
            (" auth token=s3cret\n", nil),
            ("\tauth token=s3cret\n", nil), ("#t  auth token=s3cret\n", nil), ("#a?b auth s3cret\n", nil),
            ("AUTH token=s3cret\n", nil), ("auth\ttoken=s3cret\n", nil), ("auth token=a{s3cret}\n", nil),
            ("auth token=\"s3crét\"\n", "auth token=x\n"), ("auth token=s3crét\n", nil), ("authenticate s3cret\n", nil),
            ("\u{feff}auth token=s3cret\n", nil),
            ("; a\n\r\n\"auth s3cret\n", nil), ("auth {s3cret}\n", nil),
            ("auth token=\(String(repeating: "s", count: 8200))", nil),
            ("#a ack 1\n", "#a ack 1\n"), ("#tag-without-verb\n", "#tag-without-verb\n"),
            ("write 1 0 {10}\nauth s3cre\n", "write 1 0 {10}\nauth s3cre\n"), ("; auth\n\r\nping\n", "ping\n"),
            ("; a\tb \r\n\r\n\nping\n", "ping\n"), (";\u{1}\n", nil), ("; a\n; auth s3cret\u{7f}\n", nil),
            ("\rauth s3cret\n", nil), ("\r\r\n", "\r\r\n"), ("; a\r\r\n", nil),
            ("\rx {19}\nmunmap 1 0x1000 1p\n\n", "\rx {19}\nmunmap 1 0x1000 1p\n\n"),
        ] as [(String, String?)])
    func tokensAreNotKept(request: String, recorded: String?) throws {
        var reader = RequestReader(limits: Limits())
        var offset = 0
        let bytes = Array(request.utf8)
        let item = try #require(bytes.withUnsafeBytes { reader.next($0, &offset) })
        for cut in 0...bytes.count {
            var sources: [UInt8] = []
            let isKept = bytes[cut...].withUnsafeBytes {
                RequestSource.append(item, Array(bytes[..<cut]), $0, to: &sources)
            }
            #expect(isKept == (recorded != nil) && String(decoding: sources, as: UTF8.self) == recorded ?? "")
        }
    }

    /// Among other requests, at once and in pieces, held back and not: what comes of it replays.
    @Test(arguments: TestServer.Transport.allCases)
    func tokensLeaveNoTraceAndReplay(transport: TestServer.Transport) async throws {
        let attempts = [
            "auth token=s3cret", "auth  token=s3cret", "#t auth token=\"\\x41s3cret\"", " auth token=s3cret",
            "#t  auth s3cret", "AUTH s3cret", "auth s3cret s3cret", "auth token={6}\ns3cret",
        ]
        let said = attempts.map { "ping\n\($0)\n" }.joined()
        let lives = try await record({
            $0.plainLoopbackPort = 0
            $0.limits.queuedBytes = 4096
        }) { fixture in
            for isOneByOne in [false, true] {
                let client = try await fixture.client(over: transport)
                if isOneByOne { try await client.send(oneByOne: said) }
                try await client.send(bytes: Array((said + "auth {s3cret}\n").utf8))
                #expect(try await client.ending().text.hasSuffix("* bye FRAMING\n"))
                try await fixture.waitUntilEmpty()
            }
            try await holdBack(String(repeating: said, count: 100) + "quit\n", fixture, over: transport)
        }
        #expect(lives.count == 3)
        for life in lives {
            var refused = 0
            for record in life.records {
                if case .input(.refused) = record.event { refused += 1 }
                guard case .requests(_, let bytes) = record.event else { continue }
                #expect(!String(decoding: bytes, as: UTF8.self).contains("s3cret"))
            }
            #expect(refused >= 5)
        }
    }

    /// A client sends `lines`, the last of them `quit`, behind a request of its own that waits: they are held back.
    private func holdBack(_ lines: String, _ fixture: TestServer, over transport: TestServer.Transport) async throws {
        let driver = try await fixture.client(over: transport)
        let process = try await fixture.client(over: transport)
        try await process.send("mm.create", "mmap 1 0x10000 4p", "write 1 0x10000 x len=4p", "dev.create gpu0")
        for _ in 0..<4 { _ = try await process.line() }
        try await driver.send("mirror 1 gpu0 lease=60000", "fault 1 0x10000 4p")
        for _ in 0..<3 { _ = try await driver.line() }
        try await process.send("munmap 1 0x13000 1p")
        #expect(try await driver.line().hasPrefix("!1 inval"))
        try await process.send(bytes: Array(lines.utf8))
        try await driver.send("ack 1")
        #expect(try await process.ending().text.hasSuffix("* bye QUIT\n"))
    }

    /// Comments that are refused and lines with a stray CR have answers, and none of their octets is ever run.
    @Test(arguments: TestServer.Transport.allCases)
    func whatLooksLikeNothingReplays(transport: TestServer.Transport) async throws {
        let odd = "ping\n;\u{1}\nping\n\rx {19}\nmunmap 1 0x10000 1p\n\n\r\r\n; a\n;\u{7f}\nping\n\rauth s3cret\nping\n"
        let lives = try await record({
            $0.plainLoopbackPort = 0
            $0.limits.queuedBytes = 4096
        }) { fixture in
            for isOneByOne in [false, true] {
                let client = try await fixture.client(over: transport)
                if isOneByOne { try await client.send(oneByOne: odd) }
                try await client.send(bytes: Array((odd + "quit\n").utf8))
                let refused = try await client.ending().text.split(separator: "\n").count { $0.hasPrefix("- ") }
                #expect(refused == (isOneByOne ? 10 : 5))
                try await fixture.waitUntilEmpty()
            }
            try await holdBack(String(repeating: odd, count: 100) + "quit\n", fixture, over: transport)
        }
        #expect(lives.count == 3)
        for life in lives {
            for record in life.records {
                guard case .requests(_, let bytes) = record.event else { continue }
                #expect(!String(decoding: bytes, as: UTF8.self).contains("s3cret"))
            }
        }
    }

    /// A flood of comments leaves nothing behind.
    @Test func whatIsNoRequestIsNotKept() {
        var unfinished = UnfinishedRequest()
        var reader = RequestReader(limits: Limits())
        for piece in ["; a comment that goes on\n; and", " on\n; and on", " \n\n\n; ", "again\nwrite 1 0 {3}\nab"] {
            var offset = 0
            Array(piece.utf8).withUnsafeBytes {
                #expect(reader.next($0, &offset) == nil)
                unfinished.append($0, of: reader)
            }
            #expect(unfinished.bytes.count == reader.unfinishedCount)
        }
        #expect(unfinished.take() == Array("write 1 0 {3}\nab".utf8))
    }

    /// Requests that are held back, and acknowledgements that overtake them.
    @Test func heldRequestsAreRecordedWhenTheyRun() async throws {
        let lives = try await record({ $0.limits.queuedBytes = 4096 }) { fixture in
            let driver = try await fixture.client()
            let process = try await fixture.client()
            try await process.send(
                "mm.create", "mmap 1 0x10000 4p", "write 1 0x10000 x len=4p", "dev.create gpu0")
            for _ in 0..<4 { _ = try await process.line() }
            try await driver.send("mirror 1 gpu0 lease=60000", "fault 1 0x10000 4p")
            for _ in 0..<3 { _ = try await driver.line() }
            try await process.send(bytes: Array("munmap 1 0x10000 1p\n".utf8))
            #expect(try await driver.line().hasPrefix("!1 inval"))
            try await process.send(bytes: (0..<3000).flatMap { _ in Array("read 1 0x11000 4\n".utf8) })
            #expect(try await driver.ask("#p ping") == "+p")
            try await driver.send("ack 1")
            #expect(try await process.line().hasPrefix("+ pages=1"))
            for _ in 0..<6000 { _ = try await process.line() }
        }
        #expect(lives.count == 1 && lives[0].inputs > 3000)
    }

    /// However much the kernel takes at once, each piece of a long queue has a turn of its own, with a time of its own.
    @Test func aLongQueueGoesOnInTurns() async throws {
        let lives = try await record({ $0.limits.queuedBytes = 16384 }) { fixture in
            let driver = try await fixture.client()
            let process = try await fixture.client()
            try await process.send(
                "mm.create", "mmap 1 0x10000 4p", "write 1 0x10000 x len=4p", "dev.create gpu0")
            for _ in 0..<4 { _ = try await process.line() }
            try await driver.send("mirror 1 gpu0 lease=3600000", "fault 1 0x10000 4p")
            for _ in 0..<3 { _ = try await driver.line() }
            try await process.send("munmap 1 0x10000 1p")
            #expect(try await driver.line().hasPrefix("!1 inval"))
            try await process.send(bytes: Array((String(repeating: "help\n", count: 40) + "quit\n").utf8))
            #expect(try await process.ask("#p ping") == "+p")
            try await driver.send("ack 1")
            #expect(try await process.ending().text.hasSuffix("* bye QUIT\n"))
        }
        let times = lives[0].records.compactMap { record in
            if case .input(.drained) = record.event { record.time.nanoseconds } else { nil }
        }
        #expect(times.count >= 3)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 }, "\(times)")
    }

    @Test func linesThatCostTheConnectionAreRecorded() async throws {
        let lives = try await record { fixture in
            for text in [String(repeating: "x", count: 9000), "write 1 0 {3}\nabcd\n", "GET / HTTP/1.1\r\n\r\n"] {
                let client = try await fixture.client()
                try await client.send(bytes: Array(text.utf8))
                #expect(try await client.ending().text.hasSuffix("* bye FRAMING\n"))
            }
        }
        #expect(lives.map(\.inputs).reduce(0, +) >= 9)
    }

    @Test func aFullRecordingEndsAndTheTenantGoesOn() async throws {
        let lives = try await record({ _ in }, policy: { $0.bytes = 65536 }) { fixture in
            let client = try await fixture.client()
            var heard: Set<String> = []
            for _ in 0..<100 {
                try await client.send(bytes: (0..<200).flatMap { _ in Array("ping\n".utf8) })
                for _ in 0..<200 { heard.insert(try await client.line()) }
            }
            try await fixture.wait { fixture.log.contains("reason=full") }
            try await client.send("#t ping")
            // The news of it comes in between.
            while !heard.contains("+t") || !heard.contains(where: { $0.hasPrefix("*") }) {
                heard.insert(try await client.line())
            }
            #expect(heard.count == 3)
            #expect(heard.contains { $0.hasPrefix("* note : the recording hmmd-") && $0.hasSuffix(" has ended: full") })
        }
        #expect(lives[0].records.last?.event == .end(.full))
        #expect(lives[0].records.last.map { $0.offset < 65536 } == true)
    }

    /// A tenant that is kept without a connection has its whole life in the file, also what came last.
    @Test func keptTenantsAreWholeWhenTheServerStops() async throws {
        for pause in [0, 5, 40] {
            let lives = try await record({ $0.tenants.standard.persistence = .seconds(600) }) { fixture in
                let client = try await fixture.client()
                try await client.send("mm.create", "quit")
                #expect(try await client.ending().text.contains("+ mm=1\n"))
                try await fixture.wait { fixture.server.context.tenants.keptCount == 1 }
                try await Task.sleep(for: .milliseconds(pause))
            }
            #expect(lives.count == 1 && lives[0].records.last?.event == .end(.closed))
            #expect(lives[0].inputs == 5)
        }
    }

    /// What the quota says is what holds, from the beginning and after a change.
    @Test func theBoundIsThatOfTheQuota() async throws {
        let name = ShortName("ci") ?? .none
        let lives = try await record({ _ in }, policy: { $0.bytes = 200_000 }) { fixture in
            let client = try await fixture.client()
            func bound() async throws -> String? {
                try await client.send("#q quota")
                var row: String?
                while case let line = try await client.line(), !line.hasPrefix("+q") {
                    if line.contains("name=recording-bytes ") { row = line }
                }
                return row?.split(separator: " ").first { $0.hasPrefix("hard=") }.map(String.init)
            }
            #expect(try await bound() == "hard=200000")
            for (quota, shown) in [(nil, 200_000), (300_000, 200_000), (100_000, 100_000)] as [(UInt64?, Int)] {
                var changed = fixture.server.configuration
                changed.tenants.listed[name] = TenantSettings()
                changed.tenants.listed[name]?.policy.quota[.recordingBytes].hard = quota
                changed.tenants.listed[name]?.policy.quota[.devices].soft = quota
                fixture.server.context.adopt(changed)
                #expect(try await client.ask("ping") == "+")
                #expect(try await bound() == "hard=\(shown)")
            }
            let chunk = Array((String(repeating: "x", count: 4000) + "\n").utf8)
            for _ in 0..<30 {
                try await client.send(bytes: chunk)
                _ = try await client.line()
            }
            try await fixture.wait { fixture.log.contains("reason=full") }
        }
        #expect(lives[0].records.last?.event == .end(.full))
        #expect(lives[0].records.last.map { $0.offset > 90_000 && $0.offset < 100_000 } == true)
    }

    @Test func tooManyRecordingsAreNotMade() async throws {
        let lives = try await record({ _ in }, policy: { $0.files = 1 }) { fixture in
            let client = try await fixture.client(tenant: 0)
            let other = try await fixture.client(tenant: 1)
            #expect(try await client.ask("#a ping") == "+a")
            #expect(try await other.ask("#b ping") == "+b")
            try await fixture.wait { fixture.log.contains("tenants go unrecorded") }
        }
        #expect(lives.count == 1)
    }

    @Test func aFolderThatCannotBeWrittenIsRefused() {
        var configuration = ServerConfiguration(localTenant: .none)
        configuration.recording = RecordingPolicy(folder: "/proc/no/such/place")
        #expect(throws: SettingError.self) {
            try Server(configuration, logger: .init(label: "test"))
        }
    }

    @Test func onlyTheOwnerMayRead() async throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        try await TestServer.run({ $0.recording = RecordingPolicy(folder: folder.path) }) { fixture in
            _ = try await fixture.client().ask("#t ping")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.count == 1 && names.allSatisfy { $0.hasSuffix(".hmmrec") && !$0.contains("ci") })
        for name in names {
            let facts = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/\(name)")
            #expect(facts[.posixPermissions] as? Int == 0o600)
        }
    }
}
