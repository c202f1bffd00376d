import Dispatch
import HMMEngine
import HMMProtocol
import HMMTLS
import Synchronization
import Testing

@testable import HMMServer

/// What the server is told when it asks for its configuration anew.
private final class Source: Sendable {
    private let next = Mutex<Result<ServerConfiguration, SettingErrors>?>(nil)

    func set(_ result: Result<ServerConfiguration, SettingErrors>) { next.withLock { $0 = result } }

    @Sendable func read() throws -> ServerConfiguration {
        guard let next = next.withLock({ $0 }) else { throw SettingErrors([]) }
        return try next.get()
    }
}

@Suite struct ReloadTests {
    private let ci = ShortName("ci") ?? .none
    private let other = ShortName("other") ?? .none

    /// Runs a server whose next configuration `body` makes of its first one.
    private func serve(
        _ change: @escaping (inout ServerConfiguration) -> Void = { _ in },
        _ body: (TestServer, ((inout ServerConfiguration) -> Void) async -> Void) async throws -> Void
    ) async throws {
        let source = Source()
        try await TestServer.run(change, reading: source.read) { fixture in
            try await body(fixture) { change in
                var next = fixture.server.configuration
                change(&next)
                source.set(.success(next))
                await fixture.server.reload()
            }
        }
    }

    @Test func aPausedRequestGoesOnAcrossReloads() async throws {
        try await serve { fixture, reload in
            let process = try await fixture.client()
            let driver = try await fixture.client()
            #expect(try await process.ask("mm.create") == "+ mm=1")
            _ = try await process.ask("mmap 1 0x10000 4p")
            _ = try await driver.ask("dev.create gpu0")
            _ = try await driver.ask("mirror 1 gpu0 lease=600000")
            _ = try await driver.ask("fault 1 0x10000 1p w")
            _ = try await driver.line()
            try await process.send("munmap 1 0x10000 1p")
            #expect(try await driver.line().hasPrefix("!1 inval"))
            for count in 1...5 { await reload { $0.maxTenants = 100 + count } }
            try await fixture.wait { fixture.log.contains("configuration reloaded") }
            #expect(try await driver.ask("ping") == "+")
            try await driver.send("ack 1")
            #expect(try await process.line().hasPrefix("+ pages=1 acked=1 "))
        }
    }

    @Test func newQuotasHoldAtOnce() async throws {
        try await serve { fixture, reload in
            let client = try await fixture.client()
            #expect(try await client.ask("mm.create") == "+ mm=1")
            await reload {
                $0.tenants.standard.policy.restrictions.features = [.devicePrivate]
                $0.tenants.standard.policy.quota[.spaces].hard = 1
            }
            // It takes a moment until the tenant's loop has heard.
            while try await !client.ask("config").contains("hmm-mirror=n") {}
            #expect(try await client.ask("mm.create").hasPrefix("- LIMIT EDQUOT"))
            #expect(try await client.ask("maps 1") == "+ rows=0 resident=0")
        }
    }

    @Test func aBadFileKeepsEverything() async throws {
        let source = Source()
        let place = FilePlace(file: "hmmd.yaml", line: 3, column: 9)
        source.set(.failure(SettingErrors([SettingError("loops 'x': expected a number", at: place)])))
        try await TestServer.run({ _ in }, reading: source.read) { fixture in
            let client = try await fixture.client()
            await fixture.server.reload()
            #expect(
                fixture.log.contains(
                    "level=error msg=\"configuration not reloaded\" reason=\"hmmd.yaml:3:9: loops 'x': expected a number\""
                ))
            #expect(try await client.ask("ping") == "+")
            let late = try await fixture.client()
            #expect(try await late.ask("ping") == "+")
        }
    }

    /// Readings that take their time: the first waits until it is let go.
    private final class Slow: Sendable {
        let begun = DispatchSemaphore(value: 0)
        let hold = DispatchSemaphore(value: 0)
        let count = Mutex(0)
        let latest = Mutex<ServerConfiguration?>(nil)

        @Sendable func read() throws -> ServerConfiguration {
            let number = count.withLock { count in
                count += 1
                return count
            }
            guard var next = latest.withLock({ $0 }) else { throw SettingErrors([]) }
            next.maxTenants = 100 + number
            if number == 1 {
                begun.signal()
                hold.wait()
            }
            return next
        }
    }

    /// What has been read later holds in the end, and nobody who asks for a reload waits for one that hangs.
    @Test func reloadsComeOneAfterTheOther() async throws {
        let slow = Slow()
        try await TestServer.run({ _ in }, reading: slow.read) { fixture in
            slow.latest.withLock { $0 = fixture.server.configuration }
            fixture.server.requestReload()
            await withCheckedContinuation { waiter in
                DispatchQueue.global().async {
                    slow.begun.wait()
                    waiter.resume()
                }
            }
            async let second = fixture.server.reload()
            let client = try await fixture.client()
            #expect(try await client.ask("ping") == "+")
            #expect(slow.count.withLock { $0 } == 1)
            slow.hold.signal()
            #expect(await second == nil)
            #expect(slow.count.withLock { $0 } == 2)
            #expect(fixture.server.context.tenants.most == 102)
        }
    }

    /// An operator who waits for a reload that hangs does not keep the server from ending.
    @Test func aReloadThatHangsDoesNotHoldUpTheEnd() async throws {
        let slow = Slow()
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        let path = "\(folder.path)/admin"
        try await TestServer.run({ $0.admin = path }, reading: slow.read) { fixture in
            slow.latest.withLock { $0 = fixture.server.configuration }
            let boss = try TestClient(.unix(path))
            #expect(try await boss.line().hasPrefix("* HMM-ADMIN/1 "))
            try await boss.send("reload")
            await withCheckedContinuation { waiter in
                DispatchQueue.global().async {
                    slow.begun.wait()
                    waiter.resume()
                }
            }
            await fixture.server.stop(isPatient: false)
            #expect(fixture.log.contains("msg=stopped"))
            slow.hold.signal()
        }
    }

    @Test func whoIsNoLongerTheSameIsSentAway() async throws {
        try await serve { fixture, reload in
            let mine = try await fixture.client()
            let others = try await fixture.client(tenant: 1)
            await reload {
                $0.identities.certificates = [
                    CertificateRule(.uri("hmm://ci*"), tenant: ci), CertificateRule(.any, tenant: nil, role: .observer),
                ]
            }
            #expect(try await others.ending() == .init(text: "* bye REVOKED\n", isOrderly: true))
            #expect(try await mine.ask("ping") == "+")
            let back = try await fixture.client(tenant: 1)
            #expect(try await back.ask("hello").hasSuffix("tenant=other session=c1 role=observer"))
        }
    }

    @Test func tenantsThatMayNoLongerBeAreSentAway() async throws {
        try await serve { fixture, reload in
            let mine = try await fixture.client()
            let others = try await fixture.client(tenant: 1)
            await reload {
                $0.tenants.listed[ci] = TenantSettings()
                $0.tenants.admitsUnlisted = false
            }
            #expect(try await others.ending() == .init(text: "* bye REVOKED\n", isOrderly: true))
            #expect(try await mine.ask("ping") == "+")
            let pair = fixture.files.tenants[1]
            let context = try fixture.clientContext(.init(chainFile: pair.certificate, keyFile: pair.key))
            #expect(try await TestClient(.tcp(fixture.port), tls: context).ending() == .init(text: "", isOrderly: true))
            try await fixture.wait { fixture.log.contains("reason=\"tenant other is not listed\"") }
        }
    }

    @Test func aCrowdThatIsSentAwayDoesNotFillTheLog() async throws {
        try await serve { fixture, reload in
            let crowd = try await (0..<8).asyncMap { _ in try await fixture.client(tenant: 1) }
            await reload {
                $0.tenants.listed[ci] = TenantSettings()
                $0.tenants.admitsUnlisted = false
            }
            for client in crowd { #expect(try await client.ending().text == "* bye REVOKED\n") }
            #expect(fixture.log.count(of: "msg=\"connection revoked\"") == 5)
        }
    }

    @Test func changesThatNeedARestartAreNamed() async throws {
        try await serve { fixture, reload in
            await reload {
                $0.loops = 3
                $0.limits.residentBytes = 1 << 20
            }
            #expect(fixture.log.contains("msg=\"changes that need a restart\" settings=tenant-memory,loops"))
        }
    }

    @Test func boundsOnConnectionsHoldForNewOnes() async throws {
        try await serve { fixture, reload in
            let client = try await fixture.client()
            await reload { $0.maxConnectionsPerAddress = 1 }
            let late = try TestClient(.tcp(fixture.port), tls: fixture.clientContext(nil))
            #expect(try await late.ending().text == "")
            try await fixture.wait { fixture.log.contains("reason=\"too many connections from this address\"") }
            #expect(try await client.ask("ping") == "+")
        }
    }
}
