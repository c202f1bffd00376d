import Foundation
import HMMTLS
import Testing

/// Sessions that were begun before somebody's certificate was withdrawn.
@Suite struct RevocationTests {
    @Test(.enabled(if: OpenSSLCommand.exists)) func whoHasBeenRevokedIsNoLongerAccepted() throws {
        let authority = try Authority(tenants: ["ci", "other"])
        let list = try revoke(1, of: authority)
        let now = try context(authority, revocationFile: list)
        for (index, isAccepted) in [(0, true), (1, false)] {
            let client = try authority.client(certificate: authority.clientPair(index))
            let conversation = try Conversation(server: authority.server(), client: client)
            conversation.pump()
            #expect(now.accepts(conversation.server.session) == isAccepted)
            #expect(now.hasRevoked(conversation.server.session) != isAccepted)
        }
    }

    @Test func anotherAuthorityAcceptsNobodyOfTheOld() throws {
        let (old, new) = (try Authority(), try Authority())
        let before = try old.server()
        let conversation = try Conversation(server: before, client: old.client())
        conversation.pump()
        let session = conversation.server.session
        #expect(before.accepts(session))
        #expect(try old.server().accepts(session))
        #expect(try !new.server().accepts(session))
        #expect(try new.server(verification: .off).accepts(session))
    }

    @Test func validityOfThePeer() throws {
        let conversation = try Authority().conversation()
        #expect(conversation.server.session.peerValidity == nil)
        conversation.pump()
        let validity = try #require(conversation.server.session.peerValidity)
        #expect(validity.notAfter - validity.notBefore == 30 * 86_400 + 3600)
        #expect(validity.holds(at: Int64(Date().timeIntervalSince1970)))
        #expect(!validity.holds(at: validity.notAfter + 1))
    }

    private func context(_ authority: Authority, revocationFile: String) throws -> TLSContext {
        try TLSContext.server(
            certificates: [authority.serverPair], clientCAFile: authority.files.authority, verification: .required,
            minimumVersion: .tls13, applicationProtocol: "hmm/1", requireALPN: false, cipherSuites: nil,
            revocationFile: revocationFile)
    }

    /// Returns the list's file.
    private func revoke(_ index: Int, of authority: Authority) throws -> String {
        func path(_ name: String) -> String { "\(authority.folder)/\(name)" }
        try Data().write(to: URL(fileURLWithPath: path("index")))
        try Data("01\n".utf8).write(to: URL(fileURLWithPath: path("number")))
        let configuration = """
            [ca]
            default_ca = mine
            [mine]
            database = \(path("index"))
            crlnumber = \(path("number"))
            default_md = sha256
            default_crl_days = 2
            certificate = \(authority.files.authority)
            private_key = \(authority.files.authorityKey)
            """
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: path("ca.conf")))
        for arguments in [["-revoke", authority.files.tenants[index].certificate], ["-gencrl", "-out", path("crl")]] {
            let (code, text) = try OpenSSLCommand.run(["ca", "-config", path("ca.conf")] + arguments)
            #expect(code == 0, "\(text)")
        }
        return path("crl")
    }
}
