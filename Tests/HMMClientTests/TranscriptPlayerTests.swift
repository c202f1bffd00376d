import HMMClient
import HMMTranscript
import Testing

@Suite(.timeLimit(.minutes(1))) struct TranscriptPlayerTests {
    private func play(_ text: String, patience: Int64 = 5000) async throws {
        let server = try FakeServer { line, peer in
            switch line {
            case "mm.create": peer.send("+ mm=3\n")
            case "die": peer.drop()
            case "nothing": break
            case "late": peer.send("+\n!1 inval mirror=1\n")
            case "quit":
                peer.send("+\n* bye QUIT\n")
                peer.leave()
            default: peer.send(line.hasPrefix("#") ? "+\(line.split(separator: " ")[0].dropFirst())\n" : "+\n")
            }
        }
        var player = try TranscriptPlayer(ConnectionOptions(endpoint: .plain(host: "127.0.0.1", port: server.port)))
        player.patienceMilliseconds = patience
        try await player.play(TranscriptParser.parse(text, file: "t.hmm"))
    }

    private func failure(_ text: String) async -> TranscriptFailure? {
        do {
            try await play(text, patience: 100)
            return nil
        } catch {
            return error as? TranscriptFailure
        }
    }

    @Test func conversation() async throws {
        try await play(
            """
            P> mm.create
            P< + mm=$mm
            @quiet P A
            A> mmap $mm
            A< +
            @advance 10ms
            @cut A
            P> quit
            P< +
            P< * bye QUIT
            @eof P
            """)
    }

    @Test func differences() async {
        #expect(await failure("P> mm.create\nP< + mm=4")?.line == 2)
        #expect(await failure("P> nothing\nP< +")?.reason == "P received nothing")
        #expect(await failure("P> late\nP< +\n@quiet P")?.received == "!1 inval mirror=1")
        #expect(await failure("P> late\nP< +")?.received == "!1 inval mirror=1")
        #expect(await failure("@connect P tenant=other")?.reason.contains("HMMD_CERT_2") == true)
    }
}
