import HMMEngine
import HMMProtocol
import HMMTLS
import Testing

@testable import HMMServer

@Suite struct PersistenceTests {
    private let ci = ShortName("ci") ?? .none

    private func persist(_ time: Duration, _ configuration: inout ServerConfiguration) {
        configuration.tenants.standard.persistence = time
    }

    @Test func theNextConnectionFindsWhatTheLastOneLeft() async throws {
        try await TestServer.run({ self.persist(.seconds(600), &$0) }) { fixture in
            let first = try await fixture.client()
            #expect(try await first.ask("mm.create") == "+ mm=1")
            _ = try await first.ask("mmap 1 0x10000 4p")
            #expect(try await first.ask("write 1 0x10000 \"kept\"") == "+ n=4")
            try await first.reset()
            try await fixture.wait { fixture.server.context.tenants.keptCount == 1 }
            let second = try await fixture.client()
            #expect(try await second.ask("read 1 0x10000 4") == "= data=\"kept\"")
            #expect(fixture.server.context.tenants.keptCount == 0)
        }
    }

    @Test func timeEndsIt() async throws {
        try await TestServer.run({
            self.persist(.milliseconds(100), &$0)
            $0.patience.linger = .milliseconds(100)
        }) { fixture in
            let first = try await fixture.client()
            #expect(try await first.ask("mm.create") == "+ mm=1")
            try await first.reset()
            try await fixture.waitUntilEmpty()
            let second = try await fixture.client()
            #expect(try await second.ask("mm.create") == "+ mm=1")
        }
    }

    @Test func othersGoAtOnce() async throws {
        try await TestServer.run({ configuration in
            var settings = TenantSettings()
            settings.persistence = .seconds(600)
            configuration.tenants.listed[self.ci] = settings
        }) { fixture in
            let kept = try await fixture.client()
            let other = try await fixture.client(tenant: 1)
            try await kept.reset()
            try await other.reset()
            try await fixture.wait { fixture.server.context.tenants.count == 1 }
            try await fixture.wait { fixture.server.context.tenants.keptCount == 1 }
        }
    }

    /// Leaves one of the tenants with pages that are in use.
    private func leave(_ fixture: TestServer, tenant: Int, pages: Int) async throws {
        let client = try await fixture.client(tenant: tenant)
        _ = try await client.ask("mm.create")
        _ = try await client.ask("mmap 1 0x10000 64p")
        #expect(try await client.ask("write 1 0x10000 pattern=41 len=\(pages)p").hasPrefix("+ n=\(pages * 4096)"))
        try await client.reset()
    }

    /// The names of the tenants, once none of them has a connection.
    private func kept(_ fixture: TestServer) async throws -> [String] {
        let tenants = fixture.server.context.tenants
        try await fixture.wait { tenants.count == tenants.keptCount }
        return tenants.all.map(\.name.description).sorted()
    }

    @Test(arguments: [true, false]) func theLargestGoesPastTheBounds(byCount: Bool) async throws {
        try await TestServer.run({
            self.persist(.seconds(600), &$0)
            if byCount { $0.kept.tenants = 1 } else { $0.kept.bytes = 40 * 4096 }
        }) { fixture in
            try await leave(fixture, tenant: 0, pages: 32)
            #expect(try await kept(fixture) == ["ci"])
            try await leave(fixture, tenant: 1, pages: 16)
            #expect(try await kept(fixture) == ["other"])
        }
    }

    @Test(arguments: [true, false]) func ofEqualsTheOldestGoesPastTheBounds(byCount: Bool) async throws {
        try await TestServer.run({
            self.persist(.seconds(600), &$0)
            if byCount { $0.kept.tenants = 1 } else { $0.kept.bytes = 24 * 4096 }
        }) { fixture in
            try await leave(fixture, tenant: 0, pages: 16)
            #expect(try await kept(fixture) == ["ci"])
            try await leave(fixture, tenant: 1, pages: 16)
            #expect(try await kept(fixture) == ["other"])
        }
    }

    @Test func whoIsTooLargeAloneCostsNobodyElse() async throws {
        try await TestServer.run({
            self.persist(.seconds(600), &$0)
            $0.kept.bytes = 32 * 4096
        }) { fixture in
            try await leave(fixture, tenant: 0, pages: 4)
            try await leave(fixture, tenant: 1, pages: 64)
            #expect(try await kept(fixture) == ["ci"])
        }
    }

    @Test func whoGrowsWithoutConnectionsIsHeldToTheBounds() async throws {
        try await TestServer.run({
            self.persist(.seconds(600), &$0)
            $0.patience.linger = .milliseconds(100)
            $0.kept.bytes = 32 * 4096
        }) { fixture in
            try await leave(fixture, tenant: 0, pages: 4)
            #expect(try await kept(fixture) == ["ci"])
            let shard = try #require(fixture.server.context.tenants.all.first)
            // As a request does that is at work when its client goes.
            shard.withEngine { engine in
                var effects = Effects()
                let now = Instant(nanoseconds: EventLoop.clock())
                let id = ConnectionID(rawValue: 100)
                let principal = Principal(tenant: self.ci, authentication: .local)
                engine.handle(.connected(id, principal), at: now, into: &effects)
                var reader = RequestReader(limits: Limits())
                var offset = 0
                Array("write 1 0x10000 pattern=41 len=64p\n".utf8).withUnsafeBytes { bytes in
                    guard let item = reader.next(bytes, &offset) else { return }
                    engine.handle(item, from: id, at: now, into: &effects)
                }
                engine.handle(.disconnected(id), at: now, into: &effects)
            }
            try await fixture.waitUntilEmpty()
        }
    }

    @Test func aNewTenantIsWorthMoreThanAKeptOne() async throws {
        try await TestServer.run({
            self.persist(.seconds(600), &$0)
            $0.maxTenants = 1
        }) { fixture in
            let first = try await fixture.client()
            // While it is there, nobody else gets its place.
            let pair = fixture.files.tenants[1]
            let context = try fixture.clientContext(.init(chainFile: pair.certificate, keyFile: pair.key))
            let late = try await TestClient(.tcp(fixture.port), tls: context).ending()
            #expect(late.text.hasPrefix("* HMM/1 auth=mtls ") && late.text.hasSuffix("\n* bye LIMIT\n"))
            try await first.reset()
            try await fixture.wait { fixture.server.context.tenants.keptCount == 1 }
            let second = try await fixture.client(tenant: 1)
            #expect(try await second.ask("ping") == "+")
        }
    }

    @Test func droppedTenantsBeginAnew() async throws {
        try await TestServer.run({ self.persist(.seconds(600), &$0) }) { fixture in
            let client = try await fixture.client()
            #expect(try await client.ask("mm.create") == "+ mm=1")
            let tenants = fixture.server.context.tenants
            let loop = fixture.server.context.loops[0]
            loop.eventLoop.execute {
                loop.readClock()
                #expect(tenants.drop(self.ci, on: loop))
                #expect(!tenants.drop(self.ci, on: loop))
            }
            #expect(try await client.ending() == .init(text: "* bye DROPPED\n", isOrderly: true))
            let second = try await fixture.client()
            #expect(try await second.ask("mm.create") == "+ mm=1")
        }
    }
}
