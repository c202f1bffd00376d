import Foundation
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
        #expect(peer.uriNames.isEmpty)
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

    /// A NUL, at which some readers stop, and what is not UTF-8.
    @Test(.enabled(if: OpenSSLCommand.exists), arguments: ["00:61", "ff:61"])
    func namesThatCannotBeReadAreToldApart(end: String) throws {
        let authority = try Authority()
        func path(_ name: String) -> String { "\(authority.folder)/\(name)" }
        // hmm://ci and the end.
        let names = "subjectAltName=DER:30:0c:86:0a:68:6d:6d:3a:2f:2f:63:69:\(end)\n"
        try Data("\(names)extendedKeyUsage=clientAuth\n".utf8).write(to: URL(fileURLWithPath: path("names")))
        let commands = [
            [
                "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ci",
                "-keyout", path("odd.key"), "-out", path("odd.csr"),
            ],
            [
                "x509", "-req", "-in", path("odd.csr"), "-CA", authority.files.authority, "-CAkey",
                authority.files.authorityKey, "-extfile", path("names"), "-out", path("odd.pem"),
            ],
        ]
        for command in commands {
            let (code, text) = try OpenSSLCommand.run(command)
            #expect(code == 0, "\(text)")
        }
        let pair = TLSContext.Certificate(chainFile: path("odd.pem"), keyFile: path("odd.key"))
        let conversation = try Conversation(server: authority.server(), client: authority.client(certificate: pair))
        conversation.pump()
        let peer = try #require(conversation.server.session.peer)
        #expect(peer.uriNames.isEmpty)
        #expect(peer.illegibleURINames.map { $0.hasPrefix("hmm://ci") } == [true])
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
}
