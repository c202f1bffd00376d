import HMMProtocol
import Logging
import Testing

@testable import HMMServer

@Suite struct StopTests {
    /// Whoever says that waiting is over may be quicker than who waits.
    @Test func aWaitThatHasBeenStoppedBeforeItBeginsIsOver() async throws {
        let admission = Admission(ServerConfiguration(localTenant: .none), Logger(label: "test"))
        #expect(admission.enter(from: nil, asStranger: false) == nil)
        let stops = admission.stops
        admission.stopWaiting()
        await admission.waitUntilEmpty(since: stops)
        admission.leave(from: nil, asStranger: false)
        await admission.waitUntilEmpty(since: admission.stops)
        #expect(admission.count == 0)
    }

    @Test func idleClientsAreToldAndClosed() async throws {
        let fixture = try TestServer { _ in }
        try await fixture.server.start()
        let clients = try await (0..<10).asyncMap { try await fixture.client(tenant: $0 % 2) }
        let port = fixture.port
        await fixture.server.stop()
        for client in clients {
            let ending = try await client.ending()
            #expect(ending.text.hasPrefix("* note "))
            #expect(ending.text.hasSuffix("* bye SHUTDOWN\n"))
            #expect(ending.isOrderly)
        }
        #expect(throws: TestClient.Failure.self) { _ = try TestClient(.tcp(port)) }
    }

    @Test func workInProgressIsFinished() async throws {
        let fixture = try TestServer { $0.patience.drain = .seconds(60) }
        try await fixture.server.start()
        let (process, driver) = try await munmapThatWaits(fixture)
        async let stopped: Void = fixture.server.stop()
        #expect(try await driver.line().hasPrefix("* note "))
        try await driver.send("ack 1")
        #expect(try await process.line().hasPrefix("* note "))
        let ending = try await process.ending()
        #expect(ending.text.hasPrefix("+ pages=0 acked=1"))
        #expect(ending.text.hasSuffix("* bye SHUTDOWN\n"))
        await stopped
    }

    @Test func patienceHasAnEnd() async throws {
        let fixture = try TestServer { $0.patience.drain = .milliseconds(50) }
        try await fixture.server.start()
        let (process, driver) = try await munmapThatWaits(fixture)
        await fixture.server.stop()
        #expect(try await process.ending().isOrderly)
        #expect(try await driver.ending().isOrderly)
    }

    /// A client that neither reads nor closes does not outlive the server.
    @Test func nobodyIsLeftBehind() async throws {
        let fixture = try TestServer { $0.patience.drain = .milliseconds(10) }
        try await fixture.server.start()
        let client = try await fixture.client()
        let stranger = try TestClient(.tcp(fixture.port))
        await fixture.server.stop()
        try await fixture.wait { fixture.server.context.admission.count == 0 }
        #expect(fixture.server.context.tenants.count == 0)
        withExtendedLifetime((client, stranger)) {}
    }

    @Test func hurryEndsTheWait() async throws {
        let fixture = try TestServer { $0.patience.drain = .seconds(3600) }
        try await fixture.server.start()
        let (process, driver) = try await munmapThatWaits(fixture)
        async let stopped: Void = fixture.server.stop()
        #expect(try await process.line().hasPrefix("* note "))
        fixture.server.hurry()
        await stopped
        #expect(try await process.ending().isOrderly)
        #expect(try await driver.ending().isOrderly)
    }

    /// A drain without an end is ended by whoever has less time, and never made longer.
    @Test func theTimeCanOnlyBecomeLess() async throws {
        let fixture = try TestServer { $0.patience.drain = .seconds(3600) }
        try await fixture.server.start()
        let (process, driver) = try await munmapThatWaits(fixture)
        #expect(fixture.server.requestStop(nil))
        async let stopped: Void = fixture.server.stop()
        #expect(try await process.line().hasPrefix("* note "))
        #expect(!fixture.server.requestStop(nil))
        #expect(fixture.server.requestStop(.seconds(3600)))
        #expect(!fixture.server.requestStop(.seconds(7200)))
        #expect(fixture.server.requestStop(.zero))
        await stopped
        #expect(try await process.ending().isOrderly)
        #expect(try await driver.ending().text.hasPrefix("* note "))
    }

    /// Who was in the middle of a handshake when the server began to stop.
    @Test func whoComesToADrainIsTold() async throws {
        try await TestServer.run { fixture in
            let (process, driver) = try await munmapThatWaits(fixture)
            fixture.server.context.tenants.drain()
            #expect(try await process.line().hasPrefix("* note "))
            #expect(try await driver.line().hasPrefix("* note "))
            let late = try await fixture.client()
            #expect(try await late.line().hasPrefix("* note "))
            let stranger = try await fixture.client(tenant: 1)
            let ending = try await stranger.ending()
            #expect(ending.text.hasPrefix("* note "))
            #expect(ending.text.hasSuffix("* bye SHUTDOWN\n"))
            try await driver.send("ack 1")
            #expect(try await late.ending().text.hasSuffix("* bye SHUTDOWN\n"))
        }
    }

    @Test func aServerThatStopsReadsNothingAgain() async throws {
        let fixture = try TestServer { $0.patience.drain = .seconds(3600) }
        try await fixture.server.start()
        #expect(await fixture.server.reload() == nil)
        #expect(fixture.server.requestStop(nil))
        #expect(await fixture.server.reload() == "the server is stopping")
        await fixture.server.stop()
        #expect(fixture.log.count(of: "certificates reloaded") == 1)
    }

    private func munmapThatWaits(_ fixture: TestServer) async throws -> (process: TestClient, driver: TestClient) {
        let process = try await fixture.client()
        let driver = try await fixture.client()
        #expect(try await process.ask("mm.create") == "+ mm=1")
        #expect(try await process.ask("mmap 1 0x10000 4p").hasPrefix("+"))
        #expect(try await driver.ask("dev.create gpu").hasPrefix("+"))
        #expect(try await driver.ask("mirror 1 gpu 0x10000 4p lease=3600000").hasPrefix("+"))
        try await process.send("munmap 1 0x10000 1p")
        #expect(try await driver.line().hasPrefix("!1 inval"))
        return (process, driver)
    }
}
