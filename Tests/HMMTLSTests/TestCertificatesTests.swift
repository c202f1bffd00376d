import Foundation
import HMMTLS
import Testing

@Suite struct TestCertificatesTests {
    private func mode(_ file: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    }

    @Test func filesAndModes() throws {
        let authority = try Authority(tenants: ["ci", "ops"])
        let names = try FileManager.default.contentsOfDirectory(atPath: authority.folder).sorted()
        #expect(
            names == [
                "ca.key", "ca.pem", "ci-both.pem", "ci.key", "ci.pem", "ops-both.pem", "ops.key", "ops.pem",
                "server.key", "server.pem",
            ])
        let files = authority.files
        for secret in [files.authorityKey, files.serverKey] + files.tenants.flatMap({ [$0.key, $0.both] }) {
            #expect(try mode(secret) == 0o600)
        }
        #expect(try mode(files.authority).map { $0 & 0o600 } == 0o600)
        let tenant = files.tenants[0]
        func text(_ file: String) throws -> String { try String(contentsOfFile: file, encoding: .utf8) }
        #expect(try text(tenant.both) == text(tenant.certificate) + text(tenant.key))
    }

    @Test func combinedFileServesAsBoth() throws {
        let authority = try Authority()
        let both = authority.files.tenants[0].both
        let client = try authority.client(certificate: TLSContext.Certificate(chainFile: both, keyFile: both))
        let conversation = try Conversation(server: authority.server(), client: client)
        conversation.pump()
        #expect(conversation.server.session.peer?.subjectCommonName == "ci")
    }

    @Test func directoriesAreCreated() throws {
        let top = Authority.newFolder()
        defer { try? FileManager.default.removeItem(atPath: top) }
        let files = try TestCertificates.make(in: top + "/a/b/")
        #expect(FileManager.default.fileExists(atPath: files.authority))
        #expect(files.tenants.map(\.name) == ["ci"])
        #expect(files.serverKey == top + "/a/b/server.key")
        #expect(throws: TLSError.self) { try TestCertificates.make(in: "") }
    }

    @Test func nothingIsOverwrittenUnlessTold() throws {
        let authority = try Authority()
        let key = authority.files.authorityKey
        let before = FileManager.default.contents(atPath: key)
        let error = #expect(throws: TLSError.self) { try TestCertificates.make(in: authority.folder, tenants: ["new"]) }
        #expect(error?.description.hasSuffix("exists already, and is not overwritten unless told") == true)
        #expect(FileManager.default.contents(atPath: key) == before)
        #expect(!FileManager.default.fileExists(atPath: authority.folder + "/new.pem"))

        // An old key that others could read is replaced, not rewritten in place.
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
        _ = try TestCertificates.make(in: authority.folder, tenants: ["ci"], overwrite: true)
        #expect(FileManager.default.contents(atPath: key) != before)
        #expect(try mode(key) == 0o600)
    }

    @Test func everyMakingIsDifferent() throws {
        let authorities = try (0..<3).map { _ in try Authority() }
        let texts = authorities.map { FileManager.default.contents(atPath: $0.files.serverCertificate) }
        #expect(Set(texts).count == 3)
    }

    @Test(arguments: [["Ci"], [""], ["a/b"], ["../x"], ["ci", "ci"], ["server"], ["ca"], ["x", "x-both"], ["a,b"]])
    func badTenants(names: [String]) {
        let folder = Authority.newFolder()
        #expect(throws: TLSError.self) { try TestCertificates.make(in: folder, tenants: names) }
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test(arguments: [[], [""], ["a b"], ["a,URI:hmm://root"], ["a..b"], ["*"], ["*.com"], ["ex*mple.org"], ["a\0b"]])
    func badServerNames(names: [String]) {
        let folder = Authority.newFolder()
        #expect(throws: TLSError.self) { try TestCertificates.make(in: folder, serverNames: names) }
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test(arguments: [0, -1, 3651, Int.max]) func badDays(days: Int) {
        let folder = Authority.newFolder()
        #expect(throws: TLSError.self) { try TestCertificates.make(in: folder, days: days) }
    }

    @Test(.enabled(if: OpenSSLCommand.exists)) func commandVerifiesThem() throws {
        let made = try Authority()
        let files = made.files
        func verify(_ purpose: String, _ file: String) throws -> (code: Int32, text: String) {
            try OpenSSLCommand.run("verify", "-x509_strict", "-purpose", purpose, "-CAfile", files.authority, file)
        }
        #expect(try verify("sslserver", files.serverCertificate).text == "\(files.serverCertificate): OK\n")
        #expect(try verify("sslclient", files.tenants[0].certificate).text == "\(files.tenants[0].certificate): OK\n")
        #expect(try verify("sslclient", files.serverCertificate).code != 0)
        #expect(try verify("sslserver", files.tenants[0].certificate).code != 0)
        for host in [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]] {
            let checked = try OpenSSLCommand.run(
                "verify", host[0], host[1], "-CAfile", files.authority, files.serverCertificate)
            #expect(checked.code == 0)
        }
    }

    @Test(.enabled(if: OpenSSLCommand.exists)) func extensionsAreRight() throws {
        let made = try Authority()
        let files = made.files
        func show(_ file: String) throws -> String {
            try OpenSSLCommand.run("x509", "-in", file, "-noout", "-text").text
        }
        let root = try show(files.authority)
        for part in ["CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "Version: 3", "ecdsa-with-SHA256", "P-256"] {
            #expect(root.contains(part))
        }
        let server = try show(files.serverCertificate)
        for part in [
            "CA:FALSE", "TLS Web Server Authentication",
            "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1", "Subject Key Identifier",
            "Authority Key Identifier", "Digital Signature",
        ] { #expect(server.contains(part)) }
        let client = try show(files.tenants[0].certificate)
        for part in ["TLS Web Client Authentication", "URI:hmm://ci", "Subject: CN = ci"] {
            #expect(client.contains(part))
        }
    }
}
