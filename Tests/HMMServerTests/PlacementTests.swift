import Glibc
import HMMProtocol
import HMMTLS
import Testing

@testable import HMMServer

@Suite struct PlacementTests {
    private let ci = ShortName("ci") ?? .none
    private let lab = ShortName("lab") ?? .none

    private func certificate(_ uris: [String] = [], name: String? = nil, issuer: String? = nil) -> ClientIdentity {
        ClientIdentity(
            subjectCommonName: name, uriNames: uris, dnsNames: [], serial: "1", fingerprint: "f",
            issuerFingerprint: issuer)
    }

    @Test func withoutRulesTheCertificateSaysItself() {
        let rules = IdentityRules()
        #expect(rules.place(of: certificate(["hmm://ci"])) == .placed(Placement(tenant: ci)))
        #expect(rules.place(of: certificate(["hmm://ci/driver"])) == .placed(Placement(tenant: ci, role: .driver)))
        #expect(rules.place(of: certificate(["x://y", "hmm://lab"], name: "ci")) == .placed(Placement(tenant: lab)))
        #expect(rules.place(of: certificate(["hmm://lab", "hmm://ci/admin"])) == .placed(Placement(tenant: lab)))
        #expect(rules.place(of: certificate(["spiffe://a/b"], name: "ci")) == .placed(Placement(tenant: ci)))
        let longest = String(repeating: "a", count: 32)
        #expect(
            ShortName(longest).map { rules.place(of: certificate(["hmm://\(longest)"])) == .placed(.init(tenant: $0)) }
                == true)
    }

    @Test(
        arguments: [
            nil, "", "Ops", "9a", "-a", ".a", "a b", "a/b", "ä", "a\0", "a\n", String(repeating: "a", count: 33),
        ] as [String?])
    func noNameIsNoPlace(name: String?) {
        #expect(IdentityRules().place(of: certificate(["https://x", "hmms://ci"], name: name)) == .unnamed)
    }

    @Test func aNameThatCannotBeReadIsNotPassedOver() {
        func place(_ illegible: String) -> CertificatePlacement {
            var certificate = certificate(["hmm://ci"], name: "ci")
            certificate.illegibleURINames = [illegible]
            return IdentityRules().place(of: certificate)
        }
        #expect(place("HMM://ci\0/observer") == .malformed("HMM://ci\0/observer"))
        #expect(place("https://x\0") == .placed(Placement(tenant: ci)))
    }

    /// What is nearly right must not let somebody in as more than was meant, nor as whom the common name says.
    @Test(
        arguments: [
            "hmm://ci/observr", "hmm://ci/Observer", "hmm://ci/observer/", "hmm://ci/observer?x=1", "hmm://ci/",
            "hmm://ci/a/b?c#d", "hmm://ci/\u{301}", "hmm://Bad_Tenant/driver", "hmm://ci:99/driver", "hmm://u@ci",
            "hmm://ci?x", "hmm:///ci", "hmm://", "hmm:", "hmm:ci", "HMM://ci/observer", "Hmm://ci",
            "hmm://" + String(repeating: "a", count: 33),
        ])
    func aNameThatIsNotWholeRefusesTheCertificate(uri: String) {
        var rules = IdentityRules()
        #expect(rules.place(of: certificate([uri], name: "ci")) == .malformed(uri))
        #expect(rules.place(of: certificate(["hmm://ci/driver", uri])) == .malformed(uri))
        rules.certificates = [
            CertificateRule(.commonName("ci"), tenant: nil, role: .driver), CertificateRule(.any, tenant: lab),
        ]
        #expect(rules.place(of: certificate([uri], name: "ci")) == .malformed(uri))
        // Whoever names the tenant himself has not asked the certificate.
        #expect(rules.place(of: certificate([uri], name: "joe")) == .placed(Placement(tenant: lab)))
    }

    @Test func theLogSaysWhichNameIsNotWhole() {
        let rules = AdmittanceRules(ServerConfiguration(localTenant: lab))
        let outcome = rules.admit(.certificate, certificate(["hmm://ci/observr"]))
        #expect(
            outcome
                == .refused(
                    "the client certificate's name hmm://ci/observr is not hmm://TENANT or hmm://TENANT/ROLE"))
    }

    @Test func theFirstRuleThatMatchesCounts() {
        var rules = IdentityRules()
        rules.certificates = [
            CertificateRule(.fingerprint("e"), tenant: lab),
            CertificateRule(.uri("spiffe://a/b"), tenant: ci, role: .observer),
            CertificateRule(.uri("spiffe://a/*"), tenant: lab),
            CertificateRule(.commonName("joe"), tenant: lab, role: .process),
            CertificateRule(.issuer("i"), tenant: nil, role: .driver),
            CertificateRule(.fingerprint("f"), tenant: ci),
        ]
        #expect(rules.place(of: certificate(["spiffe://a/b"])) == .placed(Placement(tenant: ci, role: .observer)))
        #expect(rules.place(of: certificate(["spiffe://a/bc"])) == .placed(Placement(tenant: lab)))
        #expect(
            rules.place(of: certificate(["spiffe://a"], name: "joe")) == .placed(Placement(tenant: lab, role: .process))
        )
        // A rule that leaves the tenant to the certificate needs one that names a tenant.
        #expect(
            rules.place(of: certificate(["hmm://lab/admin"], issuer: "i"))
                == .placed(Placement(tenant: lab, role: .driver)))
        #expect(rules.place(of: certificate(["x://y"], issuer: "i")) == .placed(Placement(tenant: ci)))
        rules.certificates = []
        #expect(rules.place(of: certificate(["hmm://ci"])) == .unnamed)
    }

    @Test func clientsWithoutARuleAreRefused() async throws {
        try await TestServer.run({ configuration in
            configuration.identities.certificates = [CertificateRule(.issuer("none"), tenant: self.lab)]
        }) { fixture in
            let pair = fixture.files.tenants[0]
            let context = try fixture.clientContext(.init(chainFile: pair.certificate, keyFile: pair.key))
            let ending = try await TestClient(.tcp(fixture.port), tls: context).ending()
            #expect(ending == .init(text: "", isOrderly: true))
            try await fixture.wait { fixture.log.contains("reason=\"no rule for the certificate\"") }
        }
    }

    // MARK: Unix sockets

    @Test func peersBelongWhereTheirUserDoes() async throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        let path = "\(folder.path)/socket"
        try await TestServer.run({ configuration in
            configuration.unixSocket = .init(path: path)
            configuration.identities.peers = [
                PeerRule(user: getuid() + 1, group: nil, Placement(tenant: self.ci)),
                PeerRule(user: getuid(), group: getgid(), Placement(tenant: self.lab, role: .process)),
            ]
        }) { _ in
            let client = try TestClient(.unix(path))
            #expect(try await client.line().hasPrefix("* HMM/1 auth=peer "))
            #expect(try await client.ask("hello") == "+ version=1 tenant=lab session=c1 role=process")
        }
    }

    @Test func peersWithoutARuleAreRefused() async throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        let path = "\(folder.path)/socket"
        try await TestServer.run({ configuration in
            configuration.unixSocket = .init(path: path)
            configuration.identities.peers = [PeerRule(user: getuid() + 1, group: nil, Placement(tenant: self.ci))]
        }) { fixture in
            #expect(try await TestClient(.unix(path)).ending().text == "")
            try await fixture.wait { fixture.log.contains("reason=\"no rule for user \(getuid())\"") }
        }
    }

    @Test func groupsAreThoseOfTheProcess() {
        let rule = PeerRule(user: nil, group: 7, Placement(tenant: ci))
        #expect(rule.matches(PeerCredentials(user: 1, groups: [5, 7])))
        #expect(!rule.matches(PeerCredentials(user: 7, groups: [5])))
    }
}
