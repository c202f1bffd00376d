import Glibc
import HMMProtocol
import HMMTLS
import Testing

@testable import HMMServer

@Suite struct IdentityTests {
    @Test func noCertificateIsRefused() async throws {
        try await TestServer.run { fixture in
            let client = try TestClient(.tcp(fixture.port), tls: fixture.clientContext(nil))
            let ending = try await client.ending()
            #expect(ending.text == "")
            #expect(ending.error?.contains("certificate required") == true)
            try await fixture.wait { fixture.log.contains("TLS failed") }
            #expect(fixture.server.context.tenants.count == 0)
        }
    }

    @Test func aStrangersCertificateIsRefused() async throws {
        try await TestServer.run { fixture in
            let folder = try PrivateFolder(under: "/tmp")
            defer { folder.remove() }
            let stranger = try TestCertificates.make(in: folder.path, tenants: ["ci"], days: 1).tenants[0]
            let context = try fixture.clientContext(.init(chainFile: stranger.certificate, keyFile: stranger.key))
            let ending = try await TestClient(.tcp(fixture.port), tls: context).ending()
            #expect(ending.text == "")
            #expect(ending.error?.contains("alert from peer") == true, "\(ending)")
        }
    }

    @Test func plainTextGetsAnAlertAndNothingElse() async throws {
        try await TestServer.run { fixture in
            let client = try TestClient(.tcp(fixture.port))
            try await client.sendRaw("#1 ping\n")
            // Alert, TLS 1.2 on the wire, 2 bytes: fatal, unexpected message.
            #expect(try await client.bytes(7) == [21, 3, 3, 0, 2, 2, 10])
            #expect(try await client.ending().text == "")
            try await fixture.wait { fixture.log.contains("level=info msg=\"TLS failed\"") }
        }
    }

    @Test func anonymousClientsHaveATenantIfOneIsNamed() async throws {
        let change: (inout ServerConfiguration) -> Void = {
            $0.tls?.verification = .optional
            $0.tls?.anonymousTenant = ShortName("guest")
        }
        try await TestServer.run(change) { fixture in
            let client = try TestClient(.tcp(fixture.port), tls: fixture.clientContext(nil))
            #expect(try await client.line().hasPrefix("* HMM/1 "))
            #expect(try await client.ask("hello").contains("tenant=guest"))
            let known = try await fixture.client()
            #expect(try await known.ask("hello").contains("tenant=ci"))
        }
    }

    @Test func anonymousClientsAreRefusedOtherwise() async throws {
        try await TestServer.run({ $0.tls?.verification = .optional }) { fixture in
            let ending = try await TestClient(.tcp(fixture.port), tls: fixture.clientContext(nil)).ending()
            #expect(ending == .init(text: "", isOrderly: true))
            try await fixture.wait { fixture.log.contains("reason=\"no client certificate\"") }
        }
    }

    /// Who is in the middle of the handshake at a reload is met by what has been read.
    @Test func aReloadDuringTheHandshakeCounts() async throws {
        try await TestServer.run { fixture in
            let pair = fixture.files.tenants[0]
            let context = try fixture.clientContext(.init(chainFile: pair.certificate, keyFile: pair.key))
            let staying = try TestClient(.tcp(fixture.port), tls: context)
            try await staying.beginHandshake()
            await fixture.server.reload()
            #expect(try await staying.line().hasPrefix("* HMM/1 auth=mtls "))
            let leaving = try TestClient(.tcp(fixture.port), tls: context)
            try await leaving.beginHandshake()
            _ = try TestCertificates.make(in: fixture.folder.path, tenants: ["ci", "other"], days: 1, overwrite: true)
            await fixture.server.reload()
            #expect(try await leaving.ending() == .init(text: "", isOrderly: true))
            try await fixture.wait { fixture.log.contains("reason=\"the client certificate is no longer accepted\"") }
            #expect(try await staying.ask("ping") == "+")
        }
    }

    @Test func anExpiredCertificateEndsAtTheNextReload() async throws {
        // More than are looked at in one round.
        try await TestServer.run({ $0.loops = 1 }) { fixture in
            let crowd = try await (0..<40).asyncMap { _ in try await fixture.client() }
            for loop in fixture.server.context.loops { loop.eventLoop.execute { loop.reconsider(at: 1 << 40) } }
            for client in crowd { #expect(try await client.ending().text == "* bye REVOKED\n") }
        }
    }

    @Test func reloadedCertificatesServeNewConnections() async throws {
        try await TestServer.run { fixture in
            let old = try await fixture.client()
            _ = try TestCertificates.make(in: fixture.folder.path, tenants: ["ci", "other"], days: 1, overwrite: true)
            let fresh = try fixture.clientContext(
                .init(chainFile: fixture.files.tenants[0].certificate, keyFile: fixture.files.tenants[0].key))
            // The server still shows the old certificate, which the new authority has not signed.
            let early = try await TestClient(.tcp(fixture.port), tls: fresh).ending()
            #expect(early.error?.contains("handshake failed") == true)
            await fixture.server.reload()
            let client = try TestClient(.tcp(fixture.port), tls: fresh)
            #expect(try await client.line().hasPrefix("* HMM/1"))
            #expect(try await old.ask("ping") == "+")
        }
    }

    @Test func aBadFileKeepsTheOldCertificates() async throws {
        try await TestServer.run { fixture in
            let saved = fixture.files.serverKey + ".saved"
            rename(fixture.files.serverKey, saved)
            await fixture.server.reload()
            #expect(fixture.log.contains("level=error msg=\"certificates not reloaded\""))
            #expect(fixture.log.contains(fixture.files.serverKey))
            let late = try await fixture.client()
            #expect(try await late.ask("ping") == "+")
        }
    }
}
