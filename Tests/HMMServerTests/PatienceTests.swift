import Testing

@testable import HMMServer

/// Short limits and generous deadlines: what is awaited is the server's action, never the clock.
@Suite struct PatienceTests {
    @Test func aHandshakeThatDoesNotEndIsCutOff() async throws {
        try await TestServer.run({ $0.patience.handshake = .milliseconds(100) }) { fixture in
            let silent = try TestClient(.tcp(fixture.port))
            #expect(try await silent.ending().text == "")
            let slow = try TestClient(.tcp(fixture.port))
            try await slow.sendRaw("\u{16}\u{3}\u{1}")
            #expect(try await slow.ending().text == "")
            try await fixture.wait { fixture.server.context.admission.count == 0 }
        }
    }

    /// More than are looked at in one round of a loop, and none is left out.
    @Test func manyThatRunOutOfTimeAtOnceAreCutOff() async throws {
        try await TestServer.run({
            $0.patience.handshake = .milliseconds(500)
            $0.loops = 1
        }) { fixture in
            let patient = try await fixture.client()
            let silent = try (0..<600).map { _ in try TestClient(.tcp(fixture.port)) }
            for client in silent { #expect(try await client.ending().text == "") }
            try await fixture.wait { fixture.server.context.admission.count == 1 }
            #expect(try await patient.ask("ping") == "+")
        }
    }

    @Test func aLineThatDoesNotEndIsCutOff() async throws {
        try await TestServer.run({ $0.patience.line = .milliseconds(100) }) { fixture in
            let patient = try await fixture.client()
            let client = try await fixture.client()
            try await client.send(bytes: Array("#1 ping\n#2 pi".utf8))
            #expect(try await client.line() == "+1")
            #expect(try await client.ending().text == "")
            #expect(fixture.log.contains("a line takes too long"))
            #expect(try await patient.ask("ping") == "+")
        }
    }

    @Test func aLiteralCountsAsPartOfItsLine() async throws {
        try await TestServer.run({ $0.patience.line = .milliseconds(100) }) { fixture in
            let client = try await fixture.client()
            try await client.send(bytes: Array("write 1 0x1000 {100000}\nabc".utf8))
            #expect(try await client.ending().text == "")
        }
    }

    @Test func aSilentClientIsSentAwayIfWanted() async throws {
        try await TestServer.run({ $0.patience.idle = .milliseconds(100) }) { fixture in
            let client = try await fixture.client()
            #expect(try await client.ending() == .init(text: "", isOrderly: true))
        }
    }
}
