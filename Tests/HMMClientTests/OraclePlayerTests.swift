import HMMClient
import HMMOracle
import Testing

@Suite(.timeLimit(.minutes(1))) struct OraclePlayerTests {
    private func play(_ text: String, patience: Int64 = 5000) async throws -> [String] {
        let server = try FakeServer { line, peer in
            switch line.split(separator: " ")[0] {
            case "mm.create": peer.send("+ mm=3\n")
            case "mirror": peer.send("!1 note-of-some-kind\n- NODEV ENOENT : no such device\n")
            case "read": peer.send("= va=0x10000000 pages=2 byte=00\n+ n=8192 faults=0\n")
            case "munmap": peer.drop()
            case "pin": break
            case "quit":
                peer.send("+\n* bye QUIT\n")
                peer.leave()
            default: peer.send("+\n")
            }
        }
        var player = try OraclePlayer(ConnectionOptions(endpoint: .plain(host: "127.0.0.1", port: server.port)))
        player.patienceMilliseconds = patience
        return try await player.play(Scenario(text))
    }

    @Test func answersFindTheirOperations() async throws {
        let results = try await play("proc p0\ncpu-read p0 0 2\nopen p0 a 4\nexit p0")
        #expect(results == ["1 proc ok", "2 cpu-read ok data=00*2", "3 open err ENOENT", "4 exit ok"])
    }

    @Test func silenceAndLossAreFailures() async throws {
        await #expect(throws: OraclePlayer.Failure.self) { try await play("proc p0\nmunmap p0 0 1") }
        let request = "pin 3 0x10000000 1p access=r mode=longterm"
        let silence = OraclePlayer.Failure.client(.connectionLost("no answer within 0 s: \(request)"))
        await #expect(throws: silence) { try await play("proc p0\npin p0 0 1", patience: 100) }
    }

    @Test func aServerThatIsNoMatch() async throws {
        let failure = OracleFailure(line: 2, request: "mm.fork 3", reason: "the answer has no number mm=")
        await #expect(throws: OraclePlayer.Failure.oracle(failure)) { try await play("proc p0\nfork p0 p1") }
    }
}
