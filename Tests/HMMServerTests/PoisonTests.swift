import Foundation
import HMMProtocol
import HMMRecording
import Testing

@testable import HMMEngine
@testable import HMMMemory
@testable import HMMServer

/// A tenant whose state has broken its rules is given up, alone.
@Suite struct PoisonTests {
    private func damage(_ fixture: TestServer, tenant: String) {
        for shard in fixture.server.context.tenants.all where shard.name == ShortName(tenant) {
            shard.withEngine { $0.machine.spaces[0].sequence |= 1 }
        }
    }

    @Test func aBrokenTenantEndsAndOthersGoOn() async throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        try await TestServer.run({ $0.recording = RecordingPolicy(folder: folder.path) }) { fixture in
            let first = try await fixture.client()
            let second = try await fixture.client()
            let other = try await fixture.client(tenant: 1)
            #expect(try await first.ask("mm.create") == "+ mm=1")
            #expect(try await other.ask("mm.create") == "+ mm=1")
            damage(fixture, tenant: "ci")
            try await first.send("check")
            let ending = try await first.ending()
            #expect(ending.text.hasPrefix("= text=\"mm 1: odd sequence"))
            #expect(ending.text.hasSuffix("+ violations=1\n* bye INTERNAL\n") && ending.isOrderly)
            #expect(try await second.ending() == .init(text: "* bye INTERNAL\n", isOrderly: true))
            try await fixture.wait { fixture.log.contains("tenant given up") }
            #expect(fixture.log.contains("tenant=ci violation=\"mm 1: odd sequence"))
            #expect(fixture.log.contains("recording=\(folder.path)/hmmd-"))
            // Nothing of it is left for the next one; the other tenant has noticed nothing.
            let next = try await fixture.client()
            #expect(try await next.ask("mm.create") == "+ mm=1")
            #expect(try await other.ask("mm.create") == "+ mm=2")
            #expect(try await other.ask("check") == "+ violations=0")
        }
        // The recording of the broken tenant says how far it got. It has no fault in it, so it diverges there.
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.count == 3)
        let ends = try names.map { name in
            try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)")).withUnsafeBytes { bytes in
                var reader = try RecordingReader(bytes)
                var last: Record?
                while let record = try reader.next(bytes) { last = record }
                return last?.event
            }
        }
        #expect(ends.count { $0 == .end(.poisoned) } == 1 && ends.count { $0 == .end(.closed) } == 2)
    }

    /// A recording that had ended by then lacks what matters, and the log says so.
    @Test func anEarlierRecordingIsNamedWithItsEnd() async throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        var policy = RecordingPolicy(folder: folder.path)
        policy.bytes = 65536
        let recording = policy
        try await TestServer.run({ $0.recording = recording }) { fixture in
            let client = try await fixture.client()
            #expect(try await client.ask("mm.create") == "+ mm=1")
            try await client.send(bytes: Array((String(repeating: "ping\n", count: 20_000) + "#t ping\n").utf8))
            while try await client.line() != "+t" {}
            try await fixture.wait { fixture.server.context.tenants.all.allSatisfy { !$0.isRecorded } }
            damage(fixture, tenant: "ci")
            try await client.send("check")
            _ = try await client.ending()
            try await fixture.wait { fixture.log.contains("tenant given up") }
            #expect(fixture.log.contains("recording=\(folder.path)/hmmd-"))
            #expect(fixture.log.contains("recording-end=full"))
        }
    }

    /// Where a tenant is recorded on request, the way to a broken state is written down although nobody has asked.
    @Test func whatWasKeptIsWrittenDown() async throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        try await TestServer.run({
            $0.recording = RecordingPolicy(folder: folder.path)
            $0.tenants.standard.recording = .onRequest
        }) { fixture in
            let client = try await fixture.client()
            #expect(try await client.ask("mm.create") == "+ mm=1")
            damage(fixture, tenant: "ci")
            try await client.send("check")
            _ = try await client.ending()
            try await fixture.wait { fixture.log.contains("reason=poisoned") }
            #expect(fixture.log.contains("recording=\(folder.path)/hmmd-"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
    }

    /// The look that is taken now and then finds it as well.
    @Test func inspectionEndsABrokenTenant() {
        var engine = Engine()
        var effects = Effects()
        let now = Instant(nanoseconds: 1)
        let id = ConnectionID(rawValue: 1)
        engine.handle(
            .connected(id, Principal(tenant: .none, authentication: .local)), at: now, into: &effects)
        var reader = RequestReader(limits: Limits())
        func say(_ text: String) {
            Array(text.utf8).withUnsafeBytes { bytes in
                var offset = 0
                while let item = reader.next(bytes, &offset) {
                    engine.handle(item, from: id, at: now, into: &effects)
                }
            }
        }
        say("mm.create\n")
        engine.handle(.inspect, at: now, into: &effects)
        #expect(engine.poison == nil && effects.signals.isEmpty)
        effects.removeAll()
        engine.machine.spaces[0].sequence |= 1
        engine.handle(.inspect, at: now, into: &effects)
        #expect(engine.poison?.hasPrefix("mm 1: odd sequence") == true)
        #expect(effects.signals == [.close(id, .internalError)])
        #expect(String(decoding: effects.text.bytes, as: UTF8.self) == "* bye INTERNAL\n")
        // Whatever still comes finds nobody.
        effects.removeAll()
        say("ping\n")
        for input in [Input.tick, .inspect, .drain, .drained(id), .disconnected(id)] {
            engine.handle(input, at: now, into: &effects)
        }
        #expect(effects.isEmpty && engine.nextDeadline == nil && engine.connectionCount == 0)
        let late = ConnectionID(rawValue: 2)
        engine.handle(.connected(late, Principal(tenant: .none, authentication: .local)), at: now, into: &effects)
        #expect(effects.signals == [.close(late, .internalError)])
        #expect(String(decoding: effects.text.bytes, as: UTF8.self).hasSuffix("\n* bye INTERNAL\n"))
    }
}
