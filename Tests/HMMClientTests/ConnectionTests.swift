import HMMClient
import HMMProtocol
import HMMTLS
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    private func plain(_ server: FakeServer) -> ConnectionOptions {
        ConnectionOptions(endpoint: .plain(host: "127.0.0.1", port: server.port))
    }

    private static func tag(_ line: String) -> Substring { line.split(separator: " ")[0].dropFirst() }

    @Test func overMutualTLS() async throws {
        let credentials = try Credentials()
        let server = try FakeServer(tls: credentials.server()) { line, peer in
            if line == "quit" {
                peer.send("+\n* bye QUIT\n")
                return peer.leave()
            }
            peer.send("+\(Self.tag(line)) said=\"\(line.split(separator: " ")[1])\"\n")
        }
        let connection = try await Connection.connect(credentials.options(port: server.port))
        #expect(connection.greeting.pairs["window"]?.number == 4)
        #expect(try await connection.request("ping")["said"]?.text == "ping")
        await connection.close()
        await #expect(throws: ClientError.closed(code: "QUIT", text: "")) { try await connection.request("ping") }
    }

    @Test func strangersAreNotTrusted() async throws {
        let credentials = try Credentials()
        let others = try Credentials()
        let server = try FakeServer(tls: credentials.server()) { _, _ in }
        var options = credentials.options(port: server.port)
        options.authorityFile = others.files.authority
        await #expect { try await LineConnection.connect(options) } throws: { error in
            if case ClientError.cannotConnect = error { true } else { false }
        }
        // A server that refuses our certificate says so after the handshake.
        options = credentials.options(port: server.port)
        options.certificate = .init(
            chainFile: others.files.tenants[0].certificate, keyFile: others.files.tenants[0].key)
        await #expect { try await LineConnection.connect(options) } throws: { error in
            if case ClientError.cannotConnect = error { true } else { false }
        }
    }

    @Test func nobodyThere() async throws {
        var options = ConnectionOptions(endpoint: .plain(host: "127.0.0.1", port: FakeServer.unusedPort()))
        options.connectMilliseconds = 300
        await #expect { try await LineConnection.connect(options) } throws: { error in
            if case ClientError.cannotConnect = error { true } else { false }
        }
    }

    @Test func requestsOverlap() async throws {
        // Answers come in pairs, the later request first.
        let server = try FakeServer { line, peer in
            let tag = Self.tag(line)
            guard let number = Int(tag.dropFirst()), number.isMultiple(of: 2) else { return }
            peer.send("=c\(number) row=\(number)\n+c\(number)\n=c\(number - 1) row=\(number - 1)\n+c\(number - 1)\n")
        }
        let connection = try await Connection.connect(plain(server))
        try await withThrowingTaskGroup(of: UInt64?.self) { group in
            for _ in 0..<100 {
                group.addTask { try await connection.request("ask").rows.first?["row"]?.number }
            }
            var rows: [UInt64] = []
            for try await row in group { rows.append(row ?? 0) }
            #expect(rows.sorted() == Array(1...100))
        }
    }

    @Test func refusalsAreThrown() async throws {
        let server = try FakeServer { line, peer in
            peer.send("-\(Self.tag(line)) NOMAP EFAULT va=0x1000 : not mapped\n")
        }
        let connection = try await Connection.connect(plain(server))
        await #expect { try await connection.request("read 1 0x1000 1") } throws: { error in
            guard case ClientError.refused(let refusal) = error else { return false }
            return refusal.code == "NOMAP" && refusal.errno == "EFAULT" && refusal.pairs["va"]?.number == 0x1000
                && refusal.text == "not mapped"
        }
    }

    @Test func literalsBothWays() async throws {
        let server = try FakeServer { line, peer in
            guard line.hasPrefix("#") else { return }
            peer.send("=\(Self.tag(line)) data={6}\na\n+b\n\r\n+\(Self.tag(line)) n=6\n")
        }
        let connection = try await Connection.connect(plain(server))
        let answer = try await connection.request("echo data={3}", literal: Array("x\ny".utf8))
        #expect(answer.rows.first?["data"]?.octets == Array("a\n+b\n\r".utf8))
        #expect(answer["n"]?.number == 6)
    }

    @Test func eventsAreStreamedAndAcknowledged() async throws {
        let server = try FakeServer { line, peer in
            if line.hasPrefix("ack") {
                peer.send("!2 said line=\"\(line)\"\n")
            } else {
                peer.send("!1 inval mirror=1 lease=5000\n* note : hello\n+\(Self.tag(line))\n")
            }
        }
        let connection = try await Connection.connect(plain(server))
        try await connection.request("go")
        var events = connection.events.makeAsyncIterator()
        let first = try #require(await events.next())
        #expect(first.number == 1)
        #expect(first["lease"]?.number == 5000)
        try await connection.acknowledge(first.number, 7)
        #expect(await events.next()?["line"]?.text == "ack 1 7")
    }

    @Test func lostConnectionsFailWhatIsUnderWay() async throws {
        let credentials = try Credentials()
        let server = try FakeServer(tls: credentials.server()) { _, peer in peer.drop() }
        let connection = try await Connection.connect(credentials.options(port: server.port))
        await #expect { try await connection.request("ping") } throws: { error in
            if case ClientError.connectionLost = error { true } else { false }
        }
        await #expect { try await connection.request("ping") } throws: { error in
            if case ClientError.connectionLost = error { true } else { false }
        }
        for await event in connection.events { Issue.record("\(event)") }
    }

    @Test func malformedLinesEndTheConnection() async throws {
        let server = try FakeServer { _, peer in peer.send("nonsense\n") }
        let connection = try await Connection.connect(plain(server))
        await #expect { try await connection.request("ping") } throws: { error in
            if case ClientError.malformed = error { true } else { false }
        }
    }

    @Test func leasesAreKept() async throws {
        let server = try FakeServer { line, peer in
            if line.contains("mirror mm=1") {
                peer.send("+\(Self.tag(line)) mirror=1 seq=1 lease=100\n")
            } else if line.hasSuffix("ping") {
                peer.send("!1 pinged\n+\(Self.tag(line))\n")
            }
        }
        let connection = try await Connection.connect(plain(server), keepsLeases: true)
        try await connection.request("mirror mm=1 dev=gpu0")
        var events = connection.events.makeAsyncIterator()
        #expect(await events.next()?.name == "pinged")
    }

    @Test func linesComeAsTheyAre() async throws {
        let server = try FakeServer { line, peer in
            peer.send("= data={2}\nab\n+ n=2\n")
            if line == "last" { peer.leave() }
        }
        let lines = try await LineConnection.connect(plain(server))
        #expect(lines.greeting.text == "* HMM/1 auth=mtls window=4")
        #expect(try await lines.receive(within: 20) == .nothing)
        try await lines.send(line: "last")
        var texts: [String] = []
        while case .lines(let items) = try await lines.receive(within: 5000) { texts += items.map(\.text) }
        #expect(texts == ["= data={2}", "+ n=2"])
        #expect(try await lines.receive() == .ended)
    }
}
