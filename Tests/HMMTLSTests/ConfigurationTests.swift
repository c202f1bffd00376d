import Foundation
import HMMTLS
import Testing

@Suite struct ConfigurationTests {
    private let authority: Authority

    init() throws { authority = try Authority(tenants: ["ci", "ops"]) }

    private func failure(chain: String, key: String) -> TLSError? {
        do {
            _ = try authority.client(certificate: TLSContext.Certificate(chainFile: chain, keyFile: key))
            return nil
        } catch {
            return error as? TLSError
        }
    }

    @Test func missingFiles() {
        let chain = authority.files.serverCertificate
        #expect(
            failure(chain: "/nowhere/a.pem", key: "/nowhere/a.key")?.description
                .hasPrefix("/nowhere/a.pem: No such file or directory") == true)
        #expect(
            failure(chain: chain, key: "/nowhere/a.key")?.description
                .hasPrefix("/nowhere/a.key: No such file or directory") == true)
    }

    @Test func filesOfTheWrongKind() throws {
        let files = authority.files
        let text = authority.folder + "/text.pem"
        try "no certificate\n".write(toFile: text, atomically: true, encoding: .utf8)
        #expect(failure(chain: text, key: files.serverKey)?.description == "\(text): no start line")
        #expect(
            failure(chain: files.serverCertificate, key: text)?.description == "\(text): not a private key in PEM form")
        #expect(failure(chain: files.serverKey, key: files.serverKey)?.kind == .configuration(files.serverKey))
        #expect(
            failure(chain: files.serverCertificate, key: files.serverCertificate)?.kind
                == .configuration(files.serverCertificate))
        #expect(throws: TLSError.self) {
            try TLSContext.client(
                certificate: nil, caFile: text, verifyServer: true, minimumVersion: .tls13, applicationProtocol: nil,
                cipherSuites: nil)
        }
    }

    @Test func keyOfAnotherCertificate() {
        let files = authority.files
        let error = failure(chain: files.serverCertificate, key: files.tenants[0].key)
        #expect(
            error?.description == "\(files.tenants[0].key): the key does not belong to the certificate in "
                + files.serverCertificate)
    }

    @Test(.enabled(if: OpenSSLCommand.exists)) func keyOfAnotherKind() throws {
        let key = authority.folder + "/rsa.key"
        #expect(try OpenSSLCommand.run("genrsa", "-out", key, "2048").code == 0)
        let error = failure(chain: authority.files.serverCertificate, key: key)
        #expect(error?.reason.hasPrefix("the key does not belong to the certificate") == true)
    }

    @Test(.enabled(if: OpenSSLCommand.exists), arguments: [true, false]) func passphraseIsNotAskedFor(pkcs8: Bool)
        throws
    {
        let key = authority.folder + "/locked-\(pkcs8).key"
        let made =
            pkcs8
            ? try OpenSSLCommand.run(
                "pkcs8", "-topk8", "-in", authority.files.serverKey, "-out", key, "-passout", "pass:secret")
            : try OpenSSLCommand.run(
                "ec", "-in", authority.files.serverKey, "-aes128", "-out", key, "-passout", "pass:secret")
        #expect(made.code == 0)
        #expect(
            failure(chain: authority.files.serverCertificate, key: key)?.description
                == "\(key): the key is protected by a passphrase; give one without")
    }

    @Test func settingsThatCannotBe() throws {
        #expect(throws: TLSError.self) { try authority.server(cipherSuites: "TLS_AES_128_GCM_SHA256:TLS_NONSENSE") }
        #expect(throws: TLSError.self) { try authority.server(cipherSuites: "") }
        let pair = authority.serverPair
        for verification in [PeerVerification.required, .optional] {
            #expect(throws: TLSError.self) {
                try TLSContext.server(
                    certificates: [pair], clientCAFile: nil, verification: verification, minimumVersion: .tls13,
                    applicationProtocol: "hmm/1", requireALPN: false, cipherSuites: nil)
            }
        }
        #expect(throws: TLSError.self) {
            try TLSContext.server(
                certificates: [], clientCAFile: nil, verification: .off, minimumVersion: .tls13,
                applicationProtocol: "hmm/1", requireALPN: false, cipherSuites: nil)
        }
        // A later certificate is checked as well.
        let mixed = TLSContext.Certificate(chainFile: pair.chainFile, keyFile: authority.clientPair().keyFile)
        #expect(throws: TLSError.self) { try authority.server(others: [mixed]) }
    }

    @Test func systemAuthoritiesAreTheDefault() throws {
        let client = try TLSContext.client(
            certificate: nil, caFile: nil, verifyServer: true, minimumVersion: .tls13, applicationProtocol: nil,
            cipherSuites: nil)
        let conversation = try Conversation(server: authority.server(verification: .off), client: client)
        conversation.pump()
        #expect(conversation.client.failure?.kind == .handshake)
    }
}
