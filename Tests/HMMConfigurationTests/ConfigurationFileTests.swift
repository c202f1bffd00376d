import Foundation
import HMMEngine
import HMMProtocol
import HMMServer
import HMMTLS
import Testing

@testable import HMMConfiguration

@Suite struct ConfigurationFileTests {
    static let hash = "$scrypt$ln=10,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    private func source(_ flags: [Setting: String] = [:], _ environment: [String: String] = [:]) -> ConfigurationSource
    {
        ConfigurationSource(file: "hmmd.yaml", flags: flags, environment: environment)
    }

    private func read(_ text: String, _ flags: [Setting: String] = [:]) throws -> ServerConfiguration {
        try source(flags).read(text: text).configuration
    }

    /// What is wrong with a file that has somewhere to listen besides.
    private func errors(_ text: String) -> [String] {
        do throws(SettingErrors) {
            _ = try source([.unix: "/s"]).read(text: text)
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    private func name(_ text: String) -> ShortName { ShortName(text) ?? .none }

    // MARK: Good files

    @Test func anEmptyFileChangesNothing() throws {
        for text in ["", "\n", "# nothing\n", "---\n", "server:\ntenants:\nidentities:\ndefault:\n"] {
            let made = try read(text, [.unix: "/s"])
            #expect(made.tenants == TenantTable(), "\(text)")
            #expect(made.identities == IdentityRules(), "\(text)")
        }
    }

    @Test func flagsWinOverVariablesOverTheFile() throws {
        let text = "server:\n  unix: /file\n  max-connections: 7\n  linger: 3\n  max-tenants: 9\n"
        let reading = try source([.maxConnections: "5"], ["HMMD_LINGER": "4"]).read(text: text)
        #expect(reading.configuration.unixSocket?.path == "/file")
        #expect(reading.configuration.maxConnections == 5)
        #expect(reading.configuration.patience.linger == .seconds(4))
        #expect(reading.configuration.maxTenants == 9)
    }

    @Test func tenantsHaveWhatTheFileSays() throws {
        let made = try read(
            """
            server:
              unix: /s
              without: [device-public]
              enforce-licence: no
            unlisted: refuse
            default:
              role: process
              quota: {spaces: 10}
              persist: 90s
            tenants:
              local: {}
              ci:
                role: admin
                quota:
                  resident-bytes: {hard: 1g, soft: 900m}
                  mirrors: 64
                without: hmm-mirror
                enforce-licence: yes
                persist: no
                record: yes
              lab:
                record: no
            """)
        let ci = try #require(made.tenants.listed[name("ci")])
        #expect(ci.role == .admin)
        #expect(ci.policy.quota[.residentBytes] == .init(soft: 900 << 20, hard: 1 << 30))
        #expect(ci.policy.quota[.mirrors] == .init(hard: 64))
        #expect(ci.policy.quota[.spaces] == .init(hard: 10))
        #expect(ci.policy.quota[.devices] == .init())
        #expect(ci.policy.restrictions.features == .devicePrivate)
        #expect(ci.policy.restrictions.enforcesLicence)
        #expect(ci.persistence == nil)
        #expect(ci.recording == .always)
        let lab = try #require(made.tenants.listed[name("lab")])
        #expect(lab.role == .process && lab.persistence == .seconds(90) && lab.recording == .never)
        #expect(made.tenants[name("other")] == nil)
    }

    @Test func identitiesAreInOrder() throws {
        let fingerprint = String(repeating: "aB:", count: 31) + "aB"
        let made = try read(
            """
            server: {unix: /s, cert: c, key: k, client-ca: a, verify: optional}
            identities:
              certificates:
                - {san-uri: 'spiffe://x/*', tenant: ci, role: driver}
                - {fingerprint: '\(fingerprint)', tenant: lab}
                - {common-name: joe, role: observer}
                - any: yes
              tokens:
                - {id: abc, hash: '\(Self.hash)', tenant: ci, role: observer, name: joe's}
              peers:
                - {uid: 1000, tenant: ci}
                - {gid: 100, tenant: lab, role: process}
                - {any: yes, tenant: guests}
            """)
        let (ci, lab) = (name("ci"), name("lab"))
        let rules = made.identities
        #expect(
            rules.certificates == [
                CertificateRule(.uri("spiffe://x/*"), tenant: ci, role: .driver),
                CertificateRule(.fingerprint(String(repeating: "ab", count: 32)), tenant: lab),
                CertificateRule(.commonName("joe"), tenant: nil, role: .observer),
                CertificateRule(.any, tenant: nil),
            ])
        #expect(rules.tokens.map(\.id) == ["abc"])
        #expect(rules.tokens.first?.placement == Placement(tenant: ci, role: .observer))
        #expect(rules.peers?.map(\.user) == [1000, nil, nil])
        #expect(rules.peers?.map(\.group) == [nil, 100, nil])
    }

    // MARK: Bad files

    @Test(
        arguments: [
            // Syntax
            ("server:\n  unix: [a\n", "hmmd.yaml:3:1: while parsing a flow sequence"),
            ("server:\n\tunix: /s\n", "hmmd.yaml:2:1: while scanning for the next token"),
            ("a: b: c\n", "hmmd.yaml:1:5: mapping values are not allowed"),
            ("server: &a {}\ntenants: *b\n", "hmmd.yaml:2:10: found undefined alias"),
            ("server: {}\n---\nserver: {}\n", "hmmd.yaml:2:1: expected a single document"),
            ("server: {}\nserver: {}\n", "hmmd.yaml:2:1: 'server' is given twice"),
            ("tenants:\n  ci: {}\n  cj: {}\n  ci: {}\n", "hmmd.yaml:4:3: 'ci' is given twice"),
            ("tenants: {ci: {}, ci: {}}\n", "hmmd.yaml:1:19: 'ci' is given twice"),
            // Line ends of two characters, and characters of two bytes
            ("server: {}\r\nbogus: 1\r\n", "hmmd.yaml:2:1: unknown key 'bogus'"),
            ("# é\r\nserver: é\u{7}\r\n", "hmmd.yaml:2:10: control characters are not allowed"),
            ("tenants:\r\n  ci: {}\r\n  ci: {}\r\n", "hmmd.yaml:3:3: 'ci' is given twice"),
            ("server: \u{7}\n", "hmmd.yaml:1:9: control characters are not allowed"),
            // Shape
            ("- 1\n", "hmmd.yaml:1:1: the file: expected keys with values, found a list"),
            ("tenants: [ci]\n", "hmmd.yaml:1:10: tenants: expected keys with values, found a list"),
            ("tenants:\n  ci: 5\n", "hmmd.yaml:2:7: ci: expected keys with values, found '5'"),
            ("server:\n  linger: {a: b}\n", "hmmd.yaml:2:11: linger: expected seconds, found keys with values"),
            ("identities:\n  tokens: {a: b}\n", "hmmd.yaml:2:11: tokens: expected a list, found keys with values"),
            ("? [a]\n: b\n", "hmmd.yaml:1:3: a key is a word, found a list"),
            ("tenants: {{a: b}: c}\n", "hmmd.yaml:1:11: a key is a word, found keys with values"),
            ("default: &d {}\n*d : 1\n", "hmmd.yaml:2:1: a key is a word, found an alias"),
            // Keys
            ("servers: {}\n", "hmmd.yaml:1:1: unknown key 'servers'; did you mean 'server'?"),
            (
                "server:\n  max-conections: 1\n",
                "hmmd.yaml:2:3: unknown key 'max-conections'; did you mean 'max-connections'?"
            ),
            ("tenants:\n  ci:\n    qutoa: {}\n", "hmmd.yaml:3:5: unknown key 'qutoa'; did you mean 'quota'?"),
            ("default: {quota: {mirrors: {hrd: 1}}}\n", "hmmd.yaml:1:29: unknown key 'hrd'; did you mean 'hard'?"),
            ("identities: {x: 1}\n", "hmmd.yaml:1:14: unknown key 'x'; there are certificates, tokens, peers"),
            // Values
            ("server:\n  loops: 0\n", "hmmd.yaml:2:10: loops '0': expected a number from 1 to 1024"),
            ("server:\n  loops: 1025\n", "hmmd.yaml:2:10: loops '1025': expected a number from 1 to 1024"),
            (
                "server:\n  tenant-memory: 4x\n",
                "hmmd.yaml:2:18: tenant-memory '4x': expected a size such as 512m or 4g"
            ),
            (
                "server:\n  handshake-timeout: 0\n",
                "hmmd.yaml:2:22: handshake-timeout '0': expected seconds, more than 0"
            ),
            ("server:\n  cert: c\n", "hmmd.yaml:2:9: TLS needs both --cert and --key"),
            ("server:\n  cert: c\n  key: k\n", "hmmd.yaml:2:9: --verify required needs --client-ca"),
            (
                "default:\n  quota: {requests-in-flight: 0}\n",
                "hmmd.yaml:2:31: requests-in-flight 0 would refuse every request"
            ),
            (
                "default:\n  quota: {requests-per-second: {hard: 0}}\n",
                "hmmd.yaml:2:32: requests-per-second 0 would refuse every request"
            ),
            ("server:\n  log-level: loud\n", "hmmd.yaml:2:14: log-level 'loud': expected trace, debug"),
            ("unlisted: maybe\n", "hmmd.yaml:1:11: unlisted 'maybe': expected allow or refuse"),
            ("tenants:\n  Bad: {}\n", "hmmd.yaml:2:3: tenant 'Bad': expected 1 to 32 characters"),
            ("default:\n  role: root\n", "hmmd.yaml:2:9: role 'root': expected observer, process, driver, admin"),
            ("default:\n  persist: 40d\n", "hmmd.yaml:2:12: persist '40d': expected a time from 1s to 30d"),
            ("default:\n  without: [nothing]\n", "hmmd.yaml:2:12: without 'nothing': expected some of"),
            ("default:\n  quota: {resident-bytes: -1}\n", "hmmd.yaml:2:27: resident-bytes '-1': expected a size"),
            (
                "default:\n  quota: {recording-bytes: 2k}\n",
                "hmmd.yaml:2:28: recording-bytes 2048 is out of range: expected a size from 64k"
            ),
            ("default:\n  quota: {mirrors: 1m}\n", "hmmd.yaml:2:20: mirrors '1m': expected a number"),
            (
                "default:\n  quota: {mirrors: 16385}\n",
                "hmmd.yaml:2:20: mirrors 16385 is out of range: no tenant may have more than 16384"
            ),
            ("default:\n  quota: {mirrors: {hard: 2, soft: 3}}\n", "hmmd.yaml:2:20: mirrors soft 3 is over hard 2"),
            ("default:\n  quota: {resident-bytes: 5g}\n", "hmmd.yaml:2:27: resident-bytes 5368709120 is out of range"),
            ("default:\n  record: sometimes\n", "hmmd.yaml:2:11: record 'sometimes': expected yes, no or on-request"),
            // Identities
            (
                "unlisted: refuse\ntenants: {local: {}, alpha: {}}\nidentities:\n  peers:\n    - {any: yes, tenant: alhpa}\n",
                "hmmd.yaml:5:26: tenant: unknown tenant 'alhpa'; did you mean 'alpha'?"
            ),
            (
                "unlisted: refuse\ntenants: {ci: {}}\nserver:\n  local-tenant: cj\n",
                "hmmd.yaml:4:17: local-tenant: unknown tenant 'cj'; did you mean 'ci'?"
            ),
            (
                "tenants: {ci: {}}\nunlisted: refuse\n",
                "hmmd.yaml:2:11: --local-tenant: unknown tenant 'local'; there are ci"
            ),
            ("identities:\n  certificates:\n    - {tenant: ci}\n", "hmmd.yaml:3:7: a certificate is known by one of"),
            (
                "identities:\n  certificates:\n    - {fingerprint: 12, tenant: ci}\n",
                "hmmd.yaml:3:21: fingerprint '12': expected 64 hexadecimal digits"
            ),
            ("identities:\n  tokens:\n    - {id: a, tenant: ci}\n", "hmmd.yaml:3:7: hash is missing"),
            (
                "identities:\n  tokens:\n    - {id: a, tenant: ci, hash: $scrypt$ln=30}\n",
                "hmmd.yaml:3:33: hash '$scrypt$ln=30': expected"
            ),
            (
                "identities:\n  peers:\n    - {tenant: ci}\n",
                "hmmd.yaml:3:7: a peer is known by uid, gid or both, or is any"
            ),
            ("identities:\n  peers:\n    - {uid: root, tenant: ci}\n", "hmmd.yaml:3:13: uid 'root': expected a number"),
            ("identities:\n  peers:\n    - {uid: 0}\n", "hmmd.yaml:3:7: tenant is missing"),
        ])
    func errorsNameTheirPlace(text: String, expected: String) {
        let errors = errors(text)
        #expect(errors.contains { $0.hasPrefix(expected) }, "\(errors)")
    }

    /// Whoever comes in otherwise needs no local tenant.
    @Test func aTenantThatNobodyHasNeedNotBeThere() throws {
        _ = try read(
            "unlisted: refuse\ntenants: {ci: {}}\nidentities: {peers: [{any: yes, tenant: ci}]}\n", [.unix: "/s"])
        #expect(throws: SettingErrors.self) {
            _ = try read("unlisted: refuse\ntenants: {ci: {}}\n", [.unix: "/s", .localTenant: "cj"])
        }
    }

    @Test func anEmptyListGivesBackWhatTheDefaultWithholds() throws {
        let text =
            "default: {without: [device-public]}\ntenants:\n  ci: {without: []}\n  lab: {}\nserver: {without: []}\n"
        let made = try read(text, [.unix: "/s"])
        #expect(made.tenants.listed[name("ci")]?.policy.restrictions.features == .all)
        #expect(made.tenants.listed[name("lab")]?.policy.restrictions.features == [.hmmMirror, .devicePrivate])
        #expect(errors("tenants:\n  ci:\n    without:\n").count == 1)
    }

    /// Comparing such keys would take longer than anybody waits.
    @Test func aliasesOfAliasesAreNoKeys() {
        let nested = (0..<40).map { "x\($0 + 1): &a\($0 + 1) [*a\($0), *a\($0)]\n" }.joined()
        #expect(errors("x0: &a0 [a, a]\n\(nested)? *a40\n: 1\n") == ["hmmd.yaml:42:3: a key is a word, found an alias"])
    }

    @Test func ofWhatIsNoYAMLNothingElseIsSaid() {
        do throws(SettingErrors) {
            _ = try source().read(text: "server: [\n")
            Issue.record("that is no YAML")
        } catch {
            #expect(error.errors.count == 1)
        }
    }

    // MARK: Files

    /// A directory that goes away with the test.
    private func inFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/hmmd-test-XXXXXX".utf8CString)
        let path = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func errors(ofFile path: String) -> [String] {
        let source = ConfigurationSource(file: path, flags: [.unix: "/s"], environment: [:])
        return source.check().errors.map(\.description)
    }

    @Test func nobodyWaitsForWhatIsNoFile() throws {
        try inFolder { folder in
            mkfifo("\(folder)/fifo", 0o600)
            #expect(errors(ofFile: "\(folder)/fifo") == ["\(folder)/fifo: not a regular file"])
            #expect(errors(ofFile: folder) == ["\(folder): not a regular file"])
            #expect(errors(ofFile: "\(folder)/none") == ["\(folder)/none: No such file or directory"])
        }
    }

    @Test func octetsThatAreNoTextHaveAPlace() throws {
        try inFolder { folder in
            let path = "\(folder)/hmmd.yaml"
            try Data(Array("server: {}\r\nx: é".utf8) + [0xff, 10]).write(to: URL(filePath: path))
            #expect(errors(ofFile: path) == ["\(path):2:5: not UTF-8"])
        }
    }

    @Test func allFilesThatCannotBeReadAreToldWithEverythingElse() throws {
        try inFolder { folder in
            let path = "\(folder)/hmmd.yaml"
            let text = "server:\n  cert: /none/c\n  key: /none/k\n  client-ca: /none/a\n  loops: 0\n"
            try Data(text.utf8).write(to: URL(filePath: path))
            #expect(
                errors(ofFile: path) == [
                    "\(path):2:9: /none/c: No such file or directory",
                    "\(path):3:8: /none/k: No such file or directory",
                    "\(path):4:14: /none/a: No such file or directory",
                    "\(path):5:10: loops '0': expected a number from 1 to 1024",
                ])
        }
    }

    @Test func tokensAreNotGivenTwice() {
        let token = "{id: a, hash: '\(Self.hash)', tenant: ci}"
        let text = "server: {cert: c, key: k, verify: off}\nidentities:\n  tokens:\n    - \(token)\n    - \(token)\n"
        #expect(errors(text).first == "hmmd.yaml:5:12: id 'a' is given twice")
    }

    @Test func allErrorsAreToldInOrder() {
        let text = "server:\n  loops: no\n  lingr: 1\ntenants:\n  ci: {role: x, quota: {spaces: y}}\nfoo: 1\n"
        #expect(
            errors(text).map { $0.split(separator: " ").first.map(String.init) } == [
                "hmmd.yaml:2:10:", "hmmd.yaml:3:3:", "hmmd.yaml:5:14:", "hmmd.yaml:5:33:", "hmmd.yaml:6:1:",
            ])
    }

    @Test func whatIsMissingEverywhereHasNoPlace() {
        do throws(SettingErrors) {
            _ = try source().read(text: "tenants: {ci: {rle: x}}\n")
            Issue.record("there is nowhere to listen")
        } catch {
            #expect(error.errors.first?.place?.column == 16)
            #expect(error.errors.last?.text.hasPrefix("nothing to listen on") == true)
        }
    }

    @Test func missingFilesAreNamed() {
        let source = ConfigurationSource(file: "/nonexistent/hmmd.yaml", flags: [:], environment: [:])
        #expect(throws: SettingErrors([SettingError("/nonexistent/hmmd.yaml: No such file or directory")])) {
            try source.read()
        }
    }

    @Test func deepNestingIsAnError() {
        #expect(!errors(String(repeating: "[", count: 100_000)).isEmpty)
        #expect(!errors(String(repeating: "{a: ", count: 100_000)).isEmpty)
    }

    // MARK: Near misses

    @Test func nearMissesAreFound() {
        #expect(NearMiss.distance("quota", "quota") == 0)
        #expect(NearMiss.distance("qutoa", "quota") == 1)
        #expect(NearMiss.distance("", "ab") == 2)
        #expect(NearMiss.hint("zzz", among: ["quota", "role"]) == "; there are quota, role")
        #expect(NearMiss.hint("zzz", among: []) == "")
    }
}
