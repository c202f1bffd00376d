import HMMTLS
import Testing

@Suite struct HandshakeTests {
    @Test func bothSidesAgree() throws {
        let conversation = try Authority().conversation()
        conversation.pump()
        #expect(conversation.isReady)
        for side in [conversation.server, conversation.client] {
            #expect(side.session.negotiatedVersion == "TLSv1.3")
            #expect(side.session.cipher == "TLS_AES_128_GCM_SHA256")
            #expect(side.session.negotiatedProtocol == "hmm/1")
            #expect(side.session.handshake() == .complete)
        }
        #expect(conversation.server.session.serverNameRequested == "localhost")
        #expect(conversation.client.send("#1 ping\n") == nil)
        #expect(conversation.server.send("+ #1\n") == nil)
        conversation.pump()
        #expect(conversation.server.text == "#1 ping\n")
        #expect(conversation.client.text == "+ #1\n")
    }

    @Test func suiteCanBeChosen() throws {
        let authority = try Authority()
        let suite = "TLS_CHACHA20_POLY1305_SHA256"
        let conversation = try Conversation(server: authority.server(cipherSuites: suite), client: authority.client())
        conversation.pump()
        #expect(conversation.isReady)
        #expect(conversation.client.session.cipher == suite)
    }

    @Test func noCommonSuiteFails() throws {
        let authority = try Authority()
        let conversation = try Conversation(
            server: authority.server(cipherSuites: "TLS_CHACHA20_POLY1305_SHA256"),
            client: authority.client(certificate: nil, cipherSuites: "TLS_AES_256_GCM_SHA384"))
        conversation.pump()
        #expect(conversation.server.failure?.kind == .handshake)
        #expect(conversation.client.failure?.reason == "alert from peer: handshake failure")
    }

    @Test func tls12IsRefusedUnlessAllowed() throws {
        let authority = try Authority()
        let old = try authority.oldClient()
        let refused = try Conversation(server: authority.server(), client: old)
        refused.pump()
        #expect(refused.server.failure == TLSError(kind: .handshake, reason: "unsupported protocol"))
        #expect(refused.client.failure?.reason == "alert from peer: protocol version")

        let allowed = try Conversation(server: authority.server(minimumVersion: .tls12), client: old)
        allowed.pump()
        #expect(allowed.isReady)
        #expect(allowed.server.session.negotiatedVersion == "TLSv1.2")
        #expect(allowed.server.session.negotiatedProtocol == "hmm/1")
        #expect(allowed.server.session.peer?.subjectCommonName == "ci")
        #expect(allowed.client.send([UInt8](repeating: 7, count: 100_000)) == nil)
        #expect(allowed.server.send("fine") == nil)
        allowed.client.close()
        allowed.pump()
        #expect(allowed.server.received.count == 100_000 && allowed.client.text == "fine")
        #expect(allowed.server.isClosed)
    }

    @Test func writeBeforeHandshakeIsRefused() throws {
        let conversation = try Authority().conversation()
        #expect(conversation.client.send("early")?.kind == .internalError)
        conversation.pump()
        #expect(conversation.isReady)
        #expect(conversation.client.send("in time") == nil)
    }

    @Test func readGoesOnWithTheHandshake() throws {
        let conversation = try Authority().conversation()
        // Both ends only ever read.
        conversation.server.isReady = true
        conversation.client.isReady = true
        conversation.client.advance()
        conversation.pump()
        #expect(conversation.server.session.handshake() == .complete)
        #expect(conversation.client.send("hello") == nil)
        conversation.pump()
        #expect(conversation.server.text == "hello")
    }

    @Test func contextOfTheOtherSideIsRefused() throws {
        let authority = try Authority()
        let server = try authority.server()
        let client = try authority.client()
        #expect(throws: TLSError.self) { try TLSSession(server: client) }
        #expect(throws: TLSError.self) { try TLSSession(client: server, serverName: nil) }
    }

    @Test func contextsAreSharedBetweenThreads() async throws {
        let authority = try Authority()
        let other = try Authority(serverNames: ["other.example"])
        let server = try authority.server(others: [other.serverPair])
        let client = try authority.client()
        let ready = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<10).allSatisfy { _ in
                        guard let conversation = try? Conversation(server: server, client: client) else { return false }
                        conversation.pump()
                        return conversation.isReady && conversation.server.session.peer?.subjectCommonName == "ci"
                    }
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(ready)
    }

    @Test func oldSessionsOutliveAReload() throws {
        let authority = try Authority()
        var context = try authority.server()
        let old = try Conversation(server: context, client: authority.client())
        old.pump()
        let halfway = try Conversation(server: context, client: authority.client())
        halfway.client.advance()

        let newAuthority = try Authority(tenants: ["ops"])
        context = try newAuthority.server()
        let new = try Conversation(server: context, client: newAuthority.client())
        new.pump()
        halfway.pump()
        old.client.send("still here")
        old.pump()
        #expect(new.isReady && halfway.isReady && old.isReady)
        #expect(old.server.text == "still here")
        #expect(old.server.session.peer?.subjectCommonName == "ci")
        #expect(new.server.session.peer?.subjectCommonName == "ops")
    }
}
