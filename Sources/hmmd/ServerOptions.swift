import ArgumentParser
import HMMServer
import Logging

/// The flags that say what a server is like, shared by the commands that start one.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Listen for TLS there.", discussion: "Default 127.0.0.1:7423.", valueName: "host:port"))
    var listen: String?

    @Option(help: ArgumentHelp("Certificate and its intermediates, PEM.", valueName: "file"), completion: .file())
    var cert: String?

    @Option(
        help: ArgumentHelp("The certificate's key, PEM, without passphrase.", valueName: "file"), completion: .file())
    var key: String?

    @Option(help: ArgumentHelp("Who may sign clients' certificates, PEM.", valueName: "file"), completion: .file())
    var clientCa: String?

    @Option(
        help: ArgumentHelp("Which clients' certificates have been revoked: CRLs, PEM.", valueName: "file"),
        completion: .file())
    var clientCrl: String?

    @Option(
        help: ArgumentHelp("Whether clients need a certificate: required, optional, off.", valueName: "rule"),
        completion: .list(["required", "optional", "off"]))
    var verify: String?

    @Option(help: ArgumentHelp("Tenant of clients without a certificate.", valueName: "name"))
    var anonymousTenant: String?

    @Option(
        help: ArgumentHelp("Oldest TLS version: 1.3 (the default) or 1.2.", valueName: "version"),
        completion: .list(["1.3", "1.2"]))
    var tlsMin: String?

    @Flag(help: "Refuse clients that do not offer the application protocol hmm/1.")
    var requireAlpn = false

    @Option(help: ArgumentHelp("Listen on a Unix socket, without TLS.", valueName: "path"), completion: .file())
    var unix: String?

    @Option(help: ArgumentHelp("Mode of the socket's file; default 600.", valueName: "octal"))
    var unixMode: String?

    @Option(
        help: ArgumentHelp("Listen on 127.0.0.1 without TLS. Anyone on this machine can connect.", valueName: "port"))
    var plainLoopback: String?

    @Option(help: ArgumentHelp("Tenant of clients without TLS; default local.", valueName: "name"))
    var localTenant: String?

    @Option(help: ArgumentHelp("Page frames one tenant may use; default 4g.", valueName: "size"))
    var tenantMemory: String?

    @Option(
        help: ArgumentHelp(
            "Features no tenant has: hmm-mirror, device-private, device-public, with commas between them.",
            valueName: "features"), completion: .list(["hmm-mirror", "device-private", "device-public"]))
    var without: String?

    @Flag(help: "Refuse verbs exported to GPL clients to those that declare another licence.")
    var enforceLicence = false

    @Option(help: ArgumentHelp("Event loops, each a thread; default one per processor.", valueName: "n"))
    var loops: String?

    @Option(help: ArgumentHelp("Connections of all tenants; default 20000.", valueName: "n"))
    var maxConnections: String?

    @Option(help: ArgumentHelp("Connections from one address; default no bound.", valueName: "n"))
    var maxConnectionsPerAddress: String?

    @Option(help: ArgumentHelp("Bytes that wait for all connections, either way; default 1g.", valueName: "size"))
    var maxBuffered: String?

    @Option(help: ArgumentHelp("Tenants at one time; default 4096.", valueName: "n"))
    var maxTenants: String?

    @Option(help: ArgumentHelp("Persistent tenants without a connection; default 64.", valueName: "n"))
    var maxKeptTenants: String?

    @Option(help: ArgumentHelp("Page frames of those tenants; default 4g.", valueName: "size"))
    var keptMemory: String?

    @Option(help: ArgumentHelp("For the TLS handshake and a token; default 10.", valueName: "seconds"))
    var handshakeTimeout: String?

    @Option(help: ArgumentHelp("From the first byte of a request to its last; default 30.", valueName: "seconds"))
    var lineTimeout: String?

    @Option(help: ArgumentHelp("Without a byte from the client; default 0, for ever.", valueName: "seconds"))
    var idleTimeout: String?

    @Option(help: ArgumentHelp("Without a sign from the client's machine; default 120.", valueName: "seconds"))
    var unreachableTimeout: String?

    @Option(help: ArgumentHelp("For answers still owed when a client ends its side; default 30.", valueName: "seconds"))
    var linger: String?

    @Option(help: ArgumentHelp("For clients to leave when the server stops; default 5.", valueName: "seconds"))
    var drainSeconds: String?

    @Option(
        help: ArgumentHelp(
            "Record every tenant in this directory.",
            discussion: "A file for each tenant's life, for `hmmd replay`; see docs/recording.md.", valueName: "dir"),
        completion: .directory)
    var record: String?

    @Option(help: ArgumentHelp("Bytes of one recording, at most; default 256m.", valueName: "size"))
    var recordBytes: String?

    @Option(help: ArgumentHelp("Recordings in the directory, at most; default 1000.", valueName: "n"))
    var recordFiles: String?

    @Option(
        help: ArgumentHelp(
            "When recordings are forced to the disk: interval (each second, the default) or never.", valueName: "rule"),
        completion: .list(["interval", "never"]))
    var recordSync: String?

    @Flag(help: "Record a tenant only when one of its clients says `record start`.")
    var recordOnRequest = false

    @Flag(help: "Record what tenants are told, too, and not only digests of it.")
    var recordOutput = false

    @Option(
        help: ArgumentHelp(
            "Serve /metrics, /livez and /readyz there over HTTP. Anyone who can connect can read.",
            valueName: "host:port"))
    var metrics: String?

    @Option(
        help: ArgumentHelp("Unix socket for the operator of the server, mode 600.", valueName: "path"),
        completion: .file())
    var admin: String?

    @Option(
        help: ArgumentHelp("trace, debug, info (the default), notice, warning, error.", valueName: "level"),
        completion: .list(["trace", "debug", "info", "notice", "warning", "error", "critical"]))
    var logLevel: String?

    var given: [Setting: String] {
        let all: [Setting: String?] = [
            .listen: listen, .cert: cert, .key: key, .clientCA: clientCa, .clientCRL: clientCrl, .verify: verify,
            .anonymousTenant: anonymousTenant, .tlsMin: tlsMin, .requireALPN: requireAlpn ? "yes" : nil,
            .unix: unix, .unixMode: unixMode, .plainLoopback: plainLoopback, .localTenant: localTenant,
            .tenantMemory: tenantMemory, .without: without, .enforceLicence: enforceLicence ? "yes" : nil,
            .loops: loops, .maxConnections: maxConnections, .maxConnectionsPerAddress: maxConnectionsPerAddress,
            .maxBuffered: maxBuffered, .maxTenants: maxTenants, .maxKeptTenants: maxKeptTenants,
            .keptMemory: keptMemory,
            .handshakeTimeout: handshakeTimeout, .lineTimeout: lineTimeout, .idleTimeout: idleTimeout,
            .unreachableTimeout: unreachableTimeout,
            .linger: linger, .drainSeconds: drainSeconds, .record: record, .recordBytes: recordBytes,
            .recordFiles: recordFiles, .recordSync: recordSync, .recordOutput: recordOutput ? "yes" : nil,
            .recordOnRequest: recordOnRequest ? "yes" : nil,
            .logLevel: logLevel, .metrics: metrics, .admin: admin,
        ]
        return all.compactMapValues { $0 }
    }

    /// - Throws: `ValidationError` for a level that does not exist.
    static func logger(_ level: String?, default standard: Logger.Level) throws -> Logger {
        guard let chosen = level.map(Logger.Level.init(rawValue:)) ?? standard else {
            throw ValidationError("--log-level: expected trace, debug, info, notice, warning, error or critical")
        }
        return Logger(label: "hmmd") { _ in LogfmtHandler(level: chosen) }
    }
}
