import HMMProtocol
import HMMTLS
import Testing

@testable import HMMServer

@Suite struct SettingsTests {
    private func configuration(
        _ flags: [Setting: String], _ environment: [String: String] = [:]
    ) throws -> ServerConfiguration {
        try ServerConfiguration(GivenSettings(flags: flags, environment: environment))
    }

    private let files: [Setting: String] = [.cert: "c.pem", .key: "k.pem", .clientCA: "ca.pem"]

    @Test func standardsAreSafe() throws {
        let made = try configuration(files)
        #expect(made.tls?.address == HostPort(host: "127.0.0.1", port: 7423))
        #expect(made.tls?.verification == .required)
        #expect(made.tls?.minimumVersion == .tls13)
        #expect(made.tls?.anonymousTenant == nil)
        #expect(made.unixSocket == nil && made.plainLoopbackPort == nil)
        #expect(made.loops >= 1)
    }

    @Test func flagsWinOverVariables() throws {
        let environment = [
            "HMMD_LISTEN": "[::1]:1", "HMMD_CERT": "env.pem", "HMMD_KEY": "k", "HMMD_CLIENT_CA": "ca",
            "HMMD_REQUIRE_ALPN": "yes", "HMMD_TENANT_MEMORY": "512m", "HMMD_LOOPS": "",
        ]
        let made = try configuration([.cert: "flag.pem", .idleTimeout: "1.5"], environment)
        #expect(made.tls?.address == HostPort(host: "::1", port: 1))
        #expect(made.tls?.certificateFile == "flag.pem")
        #expect(made.tls?.keyFile == "k")
        #expect(made.tls?.requireALPN == true)
        #expect(made.limits.residentBytes == 512 << 20)
        #expect(made.patience.idle == .milliseconds(1500))
    }

    @Test func variablesHaveTheFlagsName() {
        #expect(Setting.clientCA.variable == "HMMD_CLIENT_CA")
        #expect(Setting.clientCA.flag == "--client-ca")
    }

    @Test func variablesThatNoSettingHasAreTold() {
        let environment = [
            "HMMD_MAX_CONECTIONS": "1", "HMMD_MAX_CONNECTIONS": "1", "HMMD_CONFIG": "f", "HMMD_URI": "u", "HOME": "/",
        ]
        let given = GivenSettings(flags: [:], environment: environment)
        #expect(given.unknownVariables == ["HMMD_MAX_CONECTIONS"])
    }

    @Test func errorsNameTheirSource() {
        #expect(throws: SettingErrors([SettingError("--loops 'many': expected a number from 1 to 1024")])) {
            try configuration(files.merging([.loops: "many"]) { $1 })
        }
        #expect(throws: SettingErrors([SettingError("HMMD_LISTEN 'nowhere': expected HOST:PORT")])) {
            try configuration(files, ["HMMD_LISTEN": "nowhere"])
        }
    }

    @Test(
        arguments: [
            [:], [.cert: "c"], [.listen: "localhost:1"], [.cert: "c", .key: "k"],
            [.cert: "c", .key: "k", .verify: "off"], [.cert: "c", .key: "k", .clientCA: "a", .verify: "optional"],
            [.cert: "c", .key: "k", .clientCA: "a", .anonymousTenant: "x"], [.plainLoopback: "0.0.0.0:1"],
            [.plainLoopback: "70000"], [.unix: "/s", .admin: String(repeating: "a", count: 108)],
            [.unix: "/s", .unixMode: "999"], [.unix: "/s", .localTenant: "Not Legal"],
            [.unix: "/s", .drainSeconds: "-1"], [.unix: "/s", .maxConnections: "0"],
        ] as [[Setting: String]])
    func unsafeOrMalformedIsRefused(flags: [Setting: String]) {
        #expect(throws: SettingErrors.self) { try configuration(flags) }
    }

    @Test func plainListenersNeedNoCertificate() throws {
        let made = try configuration([.unix: "/s", .unixMode: "660", .plainLoopback: "localhost:99"])
        #expect(made.tls == nil)
        #expect(made.unixSocket?.path == "/s" && made.unixSocket?.mode == 0o660)
        #expect(made.plainLoopbackPort == 99)
        #expect(made.localTenant == ShortName("local"))
    }

    @Test func endpointsAreRead() {
        #expect(HostPort("localhost:7423") == HostPort(host: "localhost", port: 7423))
        #expect(HostPort("[::1]:0") == HostPort(host: "::1", port: 0))
        #expect("\(HostPort(host: "::1", port: 5))" == "[::1]:5")
        for text in ["", ":1", "host", "host:", "host:x", "host:65536", "::1:80", "[]:1", "a\0b:1"] {
            #expect(HostPort(text) == nil, "\(text)")
        }
    }

    @Test func quantitiesAreRead() {
        #expect(Quantity.bytes("0") == 0)
        #expect(Quantity.bytes("512m") == 512 << 20)
        #expect(Quantity.bytes("4G") == 4 << 30)
        for text in ["", "m", "1x", "-1", "1.5g", "99999999999999999999", "99999999t"] {
            #expect(Quantity.bytes(text) == nil, "\(text)")
        }
        #expect(Quantity.seconds("30") == .seconds(30))
        #expect(Quantity.seconds("0.25") == .milliseconds(250))
        for text in ["", ".5", "1.", "1s", "-1", "1e3", "0.1234567891", "999999999999"] {
            #expect(Quantity.seconds(text) == nil, "\(text)")
        }
    }

    /// Whoever reloads is told of every setting that has to wait for a restart.
    @Test(arguments: Setting.allCases.filter { !$0.spec.isLive }) func whatNeedsARestartIsSaid(_ setting: Setting)
        throws
    {
        let values: [Setting: (before: String, after: String)] = [
            .listen: ("127.0.0.1:1", "127.0.0.1:2"), .unix: ("a.sock", "b.sock"), .unixMode: ("600", "660"),
            .plainLoopback: ("1", "2"), .tenantMemory: ("1g", "2g"), .loops: ("1", "2"),
            .metrics: ("127.0.0.1:1", "127.0.0.1:2"),
            .admin: ("a", "b"), .record: ("a", "b"), .recordBytes: ("1m", "2m"), .recordFiles: ("1", "2"),
            .recordSync: ("never", "interval"), .recordOutput: ("no", "yes"), .logLevel: ("info", "debug"),
        ]
        let value = values[setting] ?? ("1", "2")
        let others = files.merging([.unix: "c.sock", .record: "c"]) { $1 }
        let before = try configuration(others.merging([setting: value.before]) { $1 })
        let after = try configuration(others.merging([setting: value.after]) { $1 })
        #expect(before.differences(from: after) == [setting])
        #expect(before.differences(from: before) == [])
    }
}
