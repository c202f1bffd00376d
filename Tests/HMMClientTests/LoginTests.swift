import Foundation
import HMMProtocol
import HMMTLS
import Testing

@testable import HMMClient

/// Tokens: where they come from, to whom they are shown, and what is made of the answer.
@Suite(.timeLimit(.minutes(1))) struct LoginTests {
    private func file(_ text: String, _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)").path
        try Data(text.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test(arguments: ["abc.Secret_-1", "abc.Secret_-1\n", " abc.Secret_-1 \r\n\n"])
    func aFileHoldsOneToken(_ text: String) throws {
        try file(text) { path in
            let token = try ConnectionOptions.token(inFile: path)
            #expect(token == "abc.Secret_-1")
        }
    }

    @Test(arguments: ["", "\n", "two words", "one\nper line\n", "caf\u{e9}", String(repeating: "a", count: 513)])
    func otherFilesAreRefused(_ text: String) throws {
        try file(text) { path in
            #expect {
                try ConnectionOptions.token(inFile: path)
            } throws: { error in
                // The file is named, and nothing of what is in it.
                guard case ClientError.options(let reason) = error else { return false }
                return reason.hasPrefix("\(path): ") && (text.count < 4 || !reason.contains(text.prefix(8)))
            }
        }
        #expect(throws: ClientError.options("/nowhere/token: No such file or directory")) {
            try ConnectionOptions.token(inFile: "/nowhere/token")
        }
    }

    @Test func onlyVerifiedServersAreShownIt() throws {
        for endpoint in [Endpoint.plain(host: "127.0.0.1", port: 1), .unix(path: "/s")] {
            var options = ConnectionOptions(endpoint: endpoint)
            options.token = "a.b"
            #expect(throws: ClientError.self) { try options.makeContext() }
        }
        var options = ConnectionOptions(endpoint: .tls(host: "localhost", port: 1))
        options.token = "a.b"
        _ = try options.makeContext()
        options.verifiesServer = false
        #expect(throws: ClientError.self) { try options.makeContext() }
    }

    // MARK: Over TLS

    private func server(_ credentials: Credentials, greeting: String, answer: String) throws -> FakeServer {
        let context = try TLSContext.server(
            certificates: [
                .init(chainFile: credentials.files.serverCertificate, keyFile: credentials.files.serverKey)
            ],
            clientCAFile: nil, verification: .off, minimumVersion: .tls13, applicationProtocol: "hmm/1",
            requireALPN: true, cipherSuites: nil)
        return try FakeServer(tls: context, greeting: greeting) { line, peer in
            switch line {
            case "auth {5}": break
            case "a.b-c": peer.send("* note : news\n\(answer)\n")
            case "quit":
                peer.send("+\n* bye QUIT\n")
                peer.leave()
            default: peer.send("+\(line.hasPrefix("#") ? line.dropFirst().prefix { $0 != " " } : "")\n")
            }
        }
    }

    private func options(_ credentials: Credentials, _ server: FakeServer) -> ConnectionOptions {
        var options = credentials.options(port: server.port)
        options.certificate = nil
        options.token = "a.b-c"
        return options
    }

    @Test func theTokenIsTheFirstRequest() async throws {
        let credentials = try Credentials()
        let server = try server(
            credentials, greeting: "* HMM/1 auth=token window=4", answer: "+ tenant=lab role=driver\n* note : more")
        let lines = try await LineConnection.connect(options(credentials, server))
        // The answer to it is not the caller's business; what comes after it is.
        guard case .lines(let items) = try await lines.receive() else { return #expect(Bool(false)) }
        #expect(items.map(\.text) == ["* note : more"])
        try await lines.send(line: "ping")
        guard case .lines(let answers) = try await lines.receive() else { return #expect(Bool(false)) }
        #expect(answers.map(\.text) == ["+"])
        await lines.close()
        let connection = try await Connection.connect(options(credentials, server))
        try await connection.request("ping")
        await connection.close()
        let socket = try BenchSocket(
            options(credentials, server), context: try options(credentials, server).makeContext())
        try socket.request("ping")
    }

    @Test(arguments: [
        ("* HMM/1 auth=token window=4", "- DENIED EACCES : the token is not accepted", "DENIED"),
        ("* HMM/1 auth=token window=4", "- BUSY EBUSY retry-after=1000 : too many", "BUSY"),
        // It would take us for somebody else.
        ("* HMM/1 auth=none window=4", "+ tenant=lab role=driver", "auth=none"),
    ])
    func aRefusalIsNoConnection(greeting: String, answer: String, reason: String) async throws {
        let credentials = try Credentials()
        let server = try server(credentials, greeting: greeting, answer: answer)
        let options = options(credentials, server)
        func isTold(_ error: any Error) -> Bool {
            guard case ClientError.cannotConnect(let text) = error else { return false }
            return text.contains(reason) && !text.contains("a.b-c")
        }
        await #expect { try await LineConnection.connect(options) } throws: { isTold($0) }
        #expect { try BenchSocket(options, context: try options.makeContext()) } throws: { isTold($0) }
    }
}
