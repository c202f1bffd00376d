import HMMTLS
import Testing

@Suite struct IdentityTests {
    @Test func serverLearnsWhoTheClientIs() throws {
        let authority = try Authority(tenants: ["ci", "team-a.ops"])
        let conversation = try Conversation(
            server: authority.server(), client: authority.client(certificate: authority.clientPair(1)))
        #expect(conversation.server.session.peer == nil)
        conversation.pump()
        let peer = try #require(conversation.server.session.peer)
        #expect(peer.tenant == "team-a.ops")
        #expect(peer.subjectCommonName == "team-a.ops")
        #expect(peer.uriNames == ["hmm://team-a.ops"])
        #expect(peer.dnsNames.isEmpty)
        #expect(peer.serial.count == 32)
        #expect(peer.fingerprint.count == 64)
        let lowerHex = Set("0123456789abcdef")
        #expect(peer.serial.allSatisfy(lowerHex.contains) && peer.fingerprint.allSatisfy(lowerHex.contains))
    }

    @Test func clientLearnsWhoTheServerIs() throws {
        let conversation = try Authority(serverNames: ["localhost", "hmm.example"]).conversation()
        conversation.pump()
        let peer = try #require(conversation.client.session.peer)
        #expect(peer.dnsNames == ["localhost", "hmm.example"])
        #expect(peer.tenant == nil)
    }

    @Test(.enabled(if: OpenSSLCommand.exists)) func factsAgreeWithTheCommand() throws {
        let authority = try Authority()
        let conversation = try Conversation(server: authority.server(), client: authority.client())
        conversation.pump()
        let peer = try #require(conversation.server.session.peer)
        let shown = try OpenSSLCommand.run(
            "x509", "-in", authority.files.tenants[0].certificate, "-noout", "-serial", "-fingerprint", "-sha256")
        let text = shown.text.lowercased().filter { $0 != ":" }
        #expect(text.contains("serial=\(peer.serial)\n"))
        #expect(text.contains("fingerprint=\(peer.fingerprint)\n"))
    }

    @Test func unverifiedPeerHasNoIdentity() throws {
        let authority = try Authority()
        let conversation = try Conversation(
            server: authority.server(verification: .off),
            client: authority.client(certificate: authority.clientPair(), verifyServer: false))
        conversation.pump()
        #expect(conversation.isReady)
        #expect(conversation.server.session.peer == nil)
        #expect(conversation.client.session.peer == nil)
    }

    @Test(
        arguments: [
            (["hmm://ci"], nil, "ci"),
            (["hmm://ci/"], nil, "ci"),
            (["hmm://ci/a/b?c#d"], "other", "ci"),
            // A combining character does not hide the slash before it.
            (["hmm://ci/\u{301}"], nil, "ci"),
            (["https://x", "hmm://a.b-9"], nil, "a.b-9"),
            (["hmm://first", "hmm://second"], nil, "first"),
            (["hmm://Not_Legal", "hmm://second"], nil, "second"),
            (["hmm://"], "ops", "ops"),
            ([], "ops", "ops"),
            (["spiffe://a/b"], "ops", "ops"),
            (["hmm://" + String(repeating: "a", count: 32)], nil, String(repeating: "a", count: 32)),
        ] as [([String], String?, String)])
    func tenantName(uris: [String], commonName: String?, expected: String) {
        #expect(Self.identity(uris, commonName).tenant == expected)
    }

    @Test(
        arguments: [
            ([], nil), ([], ""), ([], "Ops"), ([], "9a"), ([], "-a"), ([], ".a"), ([], "a b"), ([], "a/b"), ([], "ä"),
            ([], "a\0"), ([], "a\n"), ([], String(repeating: "a", count: 33)),
            (["hmm:ci"], nil), (["HMM://ci"], nil), (["hmm://ci:7423/"], nil), (["hmm://u@ci"], nil),
            (["hmm://ci?x"], nil), (["hmm:///ci"], nil), ([" hmm://c i"], nil),
            (["hmm://" + String(repeating: "a", count: 33)], nil),
        ] as [([String], String?)])
    func noTenantName(uris: [String], commonName: String?) {
        #expect(Self.identity(uris, commonName).tenant == nil)
    }

    private static func identity(_ uris: [String], _ commonName: String?) -> ClientIdentity {
        ClientIdentity(subjectCommonName: commonName, uriNames: uris, dnsNames: [], serial: "", fingerprint: "")
    }
}
