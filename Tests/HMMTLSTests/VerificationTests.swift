import HMMTLS
import Testing

@Suite struct VerificationTests {
    @Test func serverRefusesAForeignClient() throws {
        let ours = try Authority()
        let theirs = try Authority()
        let foreign = try ours.client(certificate: theirs.clientPair())
        for verification in [PeerVerification.required, .optional] {
            let conversation = try Conversation(server: ours.server(verification: verification), client: foreign)
            conversation.pump()
            #expect(
                conversation.server.failure
                    == TLSError(kind: .handshake, reason: "unable to get local issuer certificate"))
            // TLS 1.3: the client was done before its certificate was looked at.
            #expect(conversation.client.isReady)
            #expect(conversation.client.failure == TLSError(kind: .handshake, reason: "alert from peer: unknown CA"))
        }
    }

    @Test func clientRefusesAForeignServer() throws {
        let ours = try Authority()
        let conversation = try Conversation(server: try Authority().server(), client: ours.client())
        conversation.pump()
        #expect(
            conversation.client.failure
                == TLSError(kind: .handshake, reason: "unable to get local issuer certificate"))
        #expect(conversation.server.failure?.reason == "alert from peer: unknown CA")
        #expect(conversation.client.session.peer == nil)
    }

    @Test func clientThatVerifiesNothingAcceptsAnyServer() throws {
        let server = try Authority()
        let conversation = try Conversation(
            server: server.server(verification: .off),
            client: Authority().client(certificate: nil, verifyServer: false), serverName: "elsewhere.example")
        conversation.pump()
        #expect(conversation.isReady)
    }

    @Test func certificateIsRequired() throws {
        let authority = try Authority()
        let conversation = try Conversation(server: authority.server(), client: authority.client(certificate: nil))
        conversation.pump()
        #expect(
            conversation.server.failure
                == TLSError(kind: .handshake, reason: "peer did not return a certificate"))
        #expect(conversation.client.isReady)
        #expect(
            conversation.client.failure == TLSError(kind: .handshake, reason: "alert from peer: certificate required"))
    }

    @Test(arguments: [PeerVerification.optional, .off]) func certificateIsNotRequired(verification: PeerVerification)
        throws
    {
        let authority = try Authority()
        let conversation = try Conversation(
            server: authority.server(verification: verification), client: authority.client(certificate: nil))
        conversation.pump()
        #expect(conversation.isReady)
        #expect(conversation.server.session.peer == nil)
    }

    @Test func optionalCertificateIsStillUsed() throws {
        let authority = try Authority()
        let conversation = try Conversation(
            server: authority.server(verification: .optional), client: authority.client())
        conversation.pump()
        #expect(conversation.server.session.peer?.subjectCommonName == "ci")
    }

    @Test func serverCertificateIsNoClientCertificate() throws {
        let authority = try Authority()
        let conversation = try Conversation(
            server: authority.server(), client: authority.client(certificate: authority.serverPair))
        conversation.pump()
        #expect(conversation.server.failure?.kind == .handshake)
        #expect(conversation.server.session.peer == nil)
    }

    @Test(arguments: ["localhost", "LOCALHOST", "127.0.0.1", "::1", "a.wild.example"])
    func rightName(name: String) throws {
        let authority = try Authority(serverNames: ["localhost", "127.0.0.1", "::1", "*.wild.example"])
        let conversation = try authority.conversation(serverName: name)
        conversation.pump()
        #expect(conversation.isReady)
        let isAddress = name.contains("1")
        #expect(conversation.server.session.serverNameRequested == (isAddress ? nil : name))
    }

    @Test(arguments: ["example.org", "a.b.wild.example", "wild.example", "hmmd test server"])
    func wrongName(name: String) throws {
        let authority = try Authority(serverNames: ["localhost", "*.wild.example"])
        let conversation = try authority.conversation(serverName: name)
        conversation.pump()
        #expect(conversation.client.failure == TLSError(kind: .handshake, reason: "hostname mismatch"))
    }

    @Test func wrongAddress() throws {
        let conversation = try Authority().conversation(serverName: "127.0.0.2")
        conversation.pump()
        #expect(conversation.client.failure == TLSError(kind: .handshake, reason: "IP address mismatch"))
    }

    @Test(arguments: ["", "local\0host", String(repeating: "a", count: 300)])
    func malformedNameIsRefused(name: String) throws {
        let context = try Authority().client()
        #expect(throws: TLSError.self) { try TLSSession(client: context, serverName: name) }
    }
}
