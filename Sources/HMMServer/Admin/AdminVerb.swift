internal import HMMProtocol

/// What an operator can ask on the admin socket, in the order of the manual. Lines, values and answers are those of
/// docs/protocol.md.
enum AdminVerb: Int, CaseIterable {
    case tenants, connections, pending, drop, drain, reload, limits, help, quit

    static let vocabulary = Vocabulary(allCases.map(\.spec), limits: Limits())

    private static let tenant = ArgumentSpec("tenant", .name, .optional, "this tenant's only")

    var spec: VerbSpec {
        switch self {
        case .tenants: Self.tenantsSpec
        case .connections: Self.connectionsSpec
        case .pending: Self.pendingSpec
        case .drop: Self.dropSpec
        case .drain:
            VerbSpec(
                "drain", .session,
                "Stop listening, tell clients, and end when they have gone. Again: leave them less time.",
                arguments: [
                    .init(
                        "seconds", .number, .optional,
                        "for clients to leave, from now on; without it as long as they take")
                ],
                reply: [.init("connections", "number of connections that are being told")], errors: [.state])
        case .reload:
            VerbSpec(
                "reload", .session, "Read again what SIGHUP reads. If it cannot be used, everything stays as it is.",
                errors: [.state])
        case .limits:
            VerbSpec(
                "limits", .session, "Show every bound.",
                rows: [
                    .init("name", "what is bounded"), .init("limit", "the bound"), .init("unit", "its unit"),
                    .init("used", "how much is in use, where that is counted"), .init("reason", "why, or of what"),
                ],
                reply: [.init("rows", "number of rows")])
        case .help:
            VerbSpec(
                "help", .session, "List these verbs, or the arguments of one.",
                arguments: [.init("verb", .name, .optional, "the verb to explain")],
                rows: [
                    .init("verb", "a verb"), .init("args", "its arguments, in order of position"),
                    .init("arg", "an argument, when one verb is explained"), .init("form", "the form of its value"),
                    .init("doc", "a sentence"),
                ],
                reply: [.init("rows", "number of rows")], errors: [.unknownVerb])
        case .quit: VerbSpec("quit", .session, "Say good-bye.")
        }
    }

    private static let tenantsSpec = VerbSpec(
        "tenants", .session, "Show every tenant that is there.",
        rows: [
            .init("tenant", "its name"), .init("age", "seconds since it came"),
            .init("busy", "`yes` when its engine is at work and the rest cannot be told"),
            .init("connections", "its connections"), .init("spaces", "its address spaces"),
            .init("devices", "its devices"), .init("mirrors", "its mirrors"),
            .init("pending", "requests that have begun and not been answered"),
            .init("parked", "those of them that wait for another's range"),
            .init("rounds", "invalidations that wait for acknowledgements"),
            .init("frames", "page frames in use"), .init("frame-limit", "page frames it may use"),
            .init("requests", "requests it has made"),
        ],
        reply: [.init("rows", "number of tenants")])

    private static let connectionsSpec = VerbSpec(
        "connections", .session, "Show every connection.", arguments: [tenant],
        rows: [
            .init("tenant", "whose it is; absent during the handshake"),
            .init("connection", "its number within the tenant: `session=c…` of `hello` and `pending`"),
            .init("peer", "address and port, or `local`"), .init("transport", "`tls`, `plain` or `unix`"),
            .init("state", "`handshaking`, `authenticating`, `checking`, `open` or `closing`"),
            .init("auth", "how it was found who it is"), .init("role", "what it may do"),
            .init("client", "what it called itself with `hello`"), .init("age", "seconds since it came"),
            .init("silent", "seconds since its last byte"), .init("received", "bytes from it, TLS included"),
            .init("sent", "bytes to it, TLS included"), .init("unsent", "bytes that wait for it to read"),
            .init("held", "bytes of requests that wait for it to read its answers"),
            .init("mirrors", "its mirrors; absent, as the next, when its engine is at work"),
            .init("open-events", "events that wait for its acknowledgement"),
        ],
        reply: [.init("rows", "number of connections")])

    private static let pendingSpec = VerbSpec(
        "pending", .session, "Show paused requests and which mirrors they wait for.", arguments: [tenant],
        rows: [.init("tenant", "whose it is"), .init("busy", "`yes` when its engine is at work and cannot be asked")]
            + Pending.spec.rows,
        reply: [.init("rows", "number of rows")])

    private static let dropSpec = VerbSpec(
        "drop", .session, "Close a tenant's connections, or one of them, with `* bye DROPPED`.",
        arguments: [
            .init("tenant", .name, .required, "whose connections"),
            .init("connection", .id, .optional, "this one only"),
        ],
        reply: [.init("dropped", "number of connections closed")])

    /// The tables of docs/operations.md.
    static var manual: String { ProtocolDocument.manual(of: allCases.map(\.spec)) }
}
