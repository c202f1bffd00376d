import Testing

@testable import HMMServer

@Suite struct EndingTests {
    @Test func quitClosesInOrder() async throws {
        try await TestServer.run { fixture in
            let client = try await fixture.client()
            try await client.send("quit")
            #expect(try await client.ending() == .init(text: "+\n* bye QUIT\n", isOrderly: true))
        }
    }

    @Test func lostFramingCloses() async throws {
        try await TestServer.run { fixture in
            let client = try await fixture.client()
            try await client.send(bytes: [UInt8](repeating: UInt8(ascii: "x"), count: 9000))
            let ending = try await client.ending()
            #expect(ending.text.hasPrefix("- TOOLONG EMSGSIZE"))
            #expect(ending.text.hasSuffix("* bye FRAMING\n"))
            #expect(ending.isOrderly)
        }
    }

    @Test(arguments: [true, false])
    func whatWasAskedBeforeTheEndIsAnswered(notify: Bool) async throws {
        try await TestServer.run { fixture in
            let client = try await fixture.client()
            try await client.send(bytes: (0..<500).flatMap { Array("#\($0) ping\n".utf8) })
            try await client.endOutput(notify: notify)
            let ending = try await client.ending()
            #expect(ending.text == (0..<500).map { "+\($0)\n" }.joined())
            #expect(ending.isOrderly)
        }
    }

    /// The munmap waits for a driver's ack, the ping behind it for the munmap.
    @Test(arguments: [true, false])
    func pausedRequestsAreAnsweredAfterTheEnd(notify: Bool) async throws {
        try await TestServer.run { fixture in
            let driver = try await fixture.client()
            let process = try await fixture.client()
            try await prepare(process, driver)
            try await process.send("munmap 1 0x10000 1p", "ping")
            try await process.endOutput(notify: notify)
            #expect(try await driver.line().hasPrefix("!1 inval"))
            #expect(try await driver.ask("#p ping") == "+p")
            try await driver.send("ack 1")
            let ending = try await process.ending()
            #expect(ending.text.hasPrefix("+ pages=0 acked=1"))
            #expect(ending.text.hasSuffix("\n+\n"))
            #expect(ending.isOrderly)
        }
    }

    @Test func whoHasEndedIsNotKeptForEver() async throws {
        try await TestServer.run({ $0.patience.linger = .milliseconds(200) }) { fixture in
            let driver = try await fixture.client()
            let process = try await fixture.client()
            try await prepare(process, driver)
            try await process.send("munmap 1 0x10000 1p")
            try await process.endOutput()
            #expect(try await process.ending() == .init(text: "", isOrderly: true))
        }
    }

    @Test func aBrokenConnectionLetsGoOfItsMirrors() async throws {
        try await TestServer.run { fixture in
            let driver = try await fixture.client()
            let process = try await fixture.client()
            try await prepare(process, driver)
            try await process.send("munmap 1 0x10000 1p")
            #expect(try await driver.line().hasPrefix("!1 inval"))
            try await driver.reset()
            #expect(try await process.line().hasPrefix("+ pages=0"))
        }
    }

    @Test func memoryGoesWithTheLastConnection() async throws {
        try await TestServer.run { fixture in
            for round in 0..<3 {
                var clients = try await (0..<20).asyncMap { try await fixture.client(tenant: $0 % 2) }
                #expect(fixture.server.context.tenants.count == 2)
                // A new engine every time: the first number is free again.
                #expect(try await clients[0].ask("mm.create") == "+ mm=1", "round \(round)")
                try await clients[0].endOutput()
                clients.removeAll()
                try await fixture.waitUntilEmpty()
                try await fixture.wait { fixture.server.context.admission.count == 0 }
            }
        }
    }

    private func prepare(_ process: TestClient, _ driver: TestClient) async throws {
        #expect(try await process.ask("mm.create") == "+ mm=1")
        #expect(try await process.ask("mmap 1 0x10000 4p").hasPrefix("+"))
        #expect(try await driver.ask("dev.create gpu").hasPrefix("+"))
        #expect(try await driver.ask("mirror 1 gpu 0x10000 4p lease=600000").hasPrefix("+"))
    }
}
