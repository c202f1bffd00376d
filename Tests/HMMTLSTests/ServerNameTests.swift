import HMMTLS
import Testing

@Suite struct ServerNameTests {
    private let first: Authority
    private let second: Authority
    private let third: Authority

    init() throws {
        first = try Authority(serverNames: ["first.example", "shared.example"])
        second = try Authority(serverNames: ["second.example", "shared.example", "*.second.example"])
        third = try Authority(serverNames: ["third.example"])
    }

    private func conversation(_ name: String?, trusting authority: Authority) throws -> Conversation {
        // Clients' certificates are of the first authority, whichever server certificate is chosen.
        let server = try first.server(others: [second.serverPair, third.serverPair])
        let client = try authority.client(certificate: first.clientPair())
        let conversation = try Conversation(server: server, client: client, serverName: name)
        conversation.pump()
        return conversation
    }

    @Test(arguments: [
        ("first.example", 0), ("second.example", 1), ("SECOND.example", 1), ("x.second.example", 1),
        ("third.example", 2), ("shared.example", 0),
    ])
    func nameSelectsTheCertificate(name: String, index: Int) throws {
        let conversation = try conversation(name, trusting: [first, second, third][index])
        #expect(conversation.isReady)
        // Everything but the certificate is as in the default context.
        #expect(conversation.server.session.peer?.subjectCommonName == "ci")
        #expect(conversation.server.session.negotiatedProtocol == "hmm/1")
        #expect(conversation.server.session.serverNameRequested == name)
    }

    @Test func noNameGetsTheDefault() throws {
        let conversation = try conversation(nil, trusting: first)
        #expect(conversation.isReady)
        #expect(conversation.client.session.peer?.dnsNames == ["first.example", "shared.example"])
    }

    @Test func unknownNameGetsTheDefaultAndIsNotFatalToTheServer() throws {
        let conversation = try conversation("unknown.example", trusting: first)
        #expect(conversation.client.failure?.reason == "hostname mismatch")
        #expect(conversation.server.failure?.reason == "alert from peer: bad certificate")
    }

    @Test func missingCertificateIsRefusedUnderAnyName() throws {
        for authority in [first, second] {
            let server = try first.server(others: [second.serverPair])
            let conversation = try Conversation(
                server: server, client: authority.client(certificate: nil),
                serverName: authority === first ? "first.example" : "second.example")
            conversation.pump()
            #expect(conversation.server.failure?.reason == "peer did not return a certificate")
        }
    }
}
