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

    /// Bytes that go on coming gain nothing: not before the handshake is done, nor in a line.
    @Test func whoSendsByteByByteIsCutOff() async throws {
        try await TestServer.run({
            $0.patience.handshake = .milliseconds(300)
            $0.patience.line = .milliseconds(300)
        }) { fixture in
            let client = try await fixture.client()
            try await client.send(bytes: Array("ping\np".utf8))
            #expect(try await client.line() == "+")
            try await drip { try await client.send(bytes: [UInt8(ascii: "x")]) }
            try await fixture.wait { fixture.log.contains("a line takes too long") }
            let slow = try TestClient(.tcp(fixture.port))
            // The head of a ClientHello of 512 bytes, which never comes to its end.
            try await slow.sendRaw("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}")
            try await drip { try await slow.sendRaw("\u{0}") }
            try await fixture.wait { fixture.server.context.admission.count == 0 }
        }
    }

    /// Does something again and again, for far longer than the server waits, until it can no longer be done.
    private func drip(_ body: () async throws -> Void) async throws {
        for _ in 0..<400 {
            do { try await body() } catch { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("nobody minds")
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
