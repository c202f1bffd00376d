import HMMTLS
import Testing

@Suite struct ApplicationProtocolTests {
    private func conversation(offered: String?, requireALPN: Bool = false) throws -> Conversation {
        let authority = try Authority()
        let conversation = try Conversation(
            server: authority.server(requireALPN: requireALPN),
            client: authority.client(certificate: authority.clientPair(), applicationProtocol: offered))
        conversation.pump()
        return conversation
    }

    @Test(arguments: [false, true]) func match(required: Bool) throws {
        let conversation = try conversation(offered: "hmm/1", requireALPN: required)
        #expect(conversation.isReady)
        #expect(conversation.server.session.negotiatedProtocol == "hmm/1")
    }

    @Test func absentIsFine() throws {
        let conversation = try conversation(offered: nil)
        #expect(conversation.isReady)
        #expect(conversation.server.session.negotiatedProtocol == nil)
        #expect(conversation.client.session.negotiatedProtocol == nil)
    }

    @Test func absentIsRefusedWhereRequired() throws {
        let conversation = try conversation(offered: nil, requireALPN: true)
        #expect(
            conversation.server.failure
                == TLSError(kind: .handshake, reason: "the client offered no application protocol"))
        #expect(conversation.client.failure?.reason == "alert from peer: no application protocol")
    }

    @Test(arguments: ["h2", "hmm/2", "hmm/", "hmm/10"]) func mismatchIsFatal(offered: String) throws {
        let conversation = try conversation(offered: offered)
        #expect(conversation.server.failure == TLSError(kind: .handshake, reason: "no application protocol"))
        #expect(conversation.client.failure?.reason == "alert from peer: no application protocol")
    }

    @Test(arguments: ["", String(repeating: "x", count: 256)]) func illegalNamesAreRefused(name: String) throws {
        let authority = try Authority()
        #expect(throws: TLSError.self) { try authority.client(certificate: nil, applicationProtocol: name) }
    }
}
