internal import HMMProtocol

/// A setting as data: the manual's table, `--help` and errors come from it.
public struct SettingSpec: Sendable {
    /// What a value looks like, as an error says what it expected.
    public let form: String
    /// What holds when nothing is given.
    public let standard: String
    /// One sentence.
    public let meaning: String
    /// A reload changes it; else only a restart does.
    public let isLive: Bool

    fileprivate init(_ form: String, _ standard: String, _ meaning: String, live isLive: Bool = false) {
        self.form = form
        self.standard = standard
        self.meaning = meaning
        self.isLive = isLive
    }
}

extension Setting {
    private static let tenantForm = "1 to 32 characters of a-z 0-9 . -, the first a letter"
    private static let sizeForm = "a size such as 512m or 4g"
    private static let countForm = "a number from 1"
    private static let flagForm = "yes or no"

    public var spec: SettingSpec {
        switch self {
        case .listen: .init("HOST:PORT", "127.0.0.1:7423", "Listen for TLS there.")
        case .cert: .init("a file", "", "Certificate and its intermediates, PEM.", live: true)
        case .key: .init("a file", "", "The certificate's key, PEM, without passphrase.", live: true)
        case .clientCA: .init("a file", "", "Who may sign clients' certificates, PEM.", live: true)
        case .clientCRL: .init("a file", "", "Clients' certificates that have been revoked: CRLs, PEM.", live: true)
        case .verify:
            .init("required, optional or off", "required", "Whether clients need a certificate.", live: true)
        case .anonymousTenant:
            .init(Self.tenantForm, "", "Tenant of clients with neither certificate nor token.", live: true)
        case .tlsMin: .init("1.3 or 1.2", "1.3", "Oldest TLS version.", live: true)
        case .requireALPN:
            .init(Self.flagForm, "no", "Refuse clients that do not offer the application protocol hmm/1.", live: true)
        case .unix: .init("a path of 1 to 107 bytes", "", "Listen on a Unix socket, without TLS.")
        case .unixMode: .init("an octal mode such as 660", "600", "Mode of the socket's file.")
        case .plainLoopback:
            .init(
                "a port of 127.0.0.1; without TLS nothing else can be listened on", "",
                "Listen on 127.0.0.1 without TLS. Anyone on this machine can connect.")
        case .localTenant: .init(Self.tenantForm, "local", "Tenant of clients without TLS.", live: true)
        case .tenantMemory:
            .init(Self.sizeForm, "4g", "Page frames that any one tenant may use; a quota can only say less.")
        case .without:
            .init(
                "some of \(Features.words.joined(separator: ","))", "", "Features that no tenant has.", live: true)
        case .enforceLicence:
            .init(
                Self.flagForm, "no", "Refuse verbs exported to GPL clients to those that declare another licence.",
                live: true)
        case .loops: .init("a number from 1 to 1024", "one for each processor", "Event loops, each a thread.")
        case .maxConnections: .init(Self.countForm, "20000", "Connections of all tenants.", live: true)
        case .maxConnectionsPerAddress:
            .init(
                Self.countForm, "no bound of its own",
                "Connections from one address over TCP; an IPv6 address counts by its first 64 bits.", live: true)
        case .maxBuffered:
            .init(
                Self.sizeForm, "1g",
                "Bytes that wait for all connections, to be worked off or to be read; past it whoever has more than a share goes.",
                live: true)
        case .maxTenants: .init(Self.countForm, "4096", "Tenants at one time.", live: true)
        case .maxKeptTenants:
            .init(
                "a number from 0", "64", "Persistent tenants without a connection; the largest goes first.",
                live: true)
        case .keptMemory:
            .init(Self.sizeForm, "4g", "Page frames of all persistent tenants without a connection.", live: true)
        case .handshakeTimeout:
            .init("seconds, more than 0", "10", "For the TLS handshake, and for a token to be shown.")
        case .lineTimeout: .init("seconds", "30", "From the first byte of a request to its last.")
        case .idleTimeout: .init("seconds", "0, for ever", "Without a byte from the client.")
        case .unreachableTimeout:
            .init(
                "seconds, at most 30000", "120",
                "Without a sign from the client's machine, or room for more there; 0: as the kernel is set.")
        case .linger: .init("seconds", "30", "For answers still owed when a client ends its side.")
        case .drainSeconds: .init("seconds", "5", "For clients to leave when the server stops.")
        case .record: .init("a directory", "", "Record every tenant there, a file for each life.")
        case .recordOnRequest:
            .init(
                Self.flagForm, "no", "Record a tenant only when one of its clients says `record start`.", live: true)
        case .recordBytes: .init("a size from 64k, such as 256m", "256m", "Bytes of one recording.")
        case .recordFiles: .init(Self.countForm, "1000", "Recordings in the directory.")
        case .recordSync:
            .init(
                "never or interval", "interval",
                "When recordings are forced to the disk: when the kernel likes, or each second.")
        case .recordOutput:
            .init(Self.flagForm, "no", "Record what tenants are told, too, and not only digests of it.")
        case .metrics:
            .init(
                "HOST:PORT", "", "Serve /metrics, /livez and /readyz there over HTTP. Anyone who can connect can read.")
        case .admin: .init("a path of 1 to 107 bytes", "", "Unix socket for the operator of the server, mode 600.")
        case .logLevel:
            .init("trace, debug, info, notice, warning, error or critical", "info", "What is worth a line of the log.")
        }
    }
}
