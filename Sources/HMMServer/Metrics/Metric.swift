/// Everything that `/metrics` tells, as data: the exposition and the table of docs/operations.md come from it.
enum Metric: String, CaseIterable, Sendable {
    case buildInfo = "hmmd_build_info"
    case connections = "hmmd_connections"
    case connectionLimit = "hmmd_connection_limit"
    case accepted = "hmmd_connections_accepted_total"
    case turnedAway = "hmmd_connections_turned_away_total"
    case acceptFailures = "hmmd_accept_failures_total"
    case ended = "hmmd_connections_ended_total"
    case handshakes = "hmmd_handshakes_total"
    case received = "hmmd_received_bytes_total"
    case sent = "hmmd_sent_bytes_total"
    case unsent = "hmmd_unsent_bytes"
    case buffered = "hmmd_buffered_bytes"
    case requests = "hmmd_requests_total"
    case refused = "hmmd_requests_refused_total"
    case fenced = "hmmd_mirrors_fenced_total"
    case runs = "hmmd_engine_run_seconds"
    case loopLag = "hmmd_loop_lag_seconds"
    case loopTurns = "hmmd_loop_turns"
    case loopConnections = "hmmd_loop_connections"
    case tenants = "hmmd_tenants"
    case tenantConnections = "hmmd_tenant_connections"
    case tenantMirrors = "hmmd_tenant_mirrors"
    case tenantPending = "hmmd_tenant_pending_requests"
    case tenantParked = "hmmd_tenant_parked_requests"
    case tenantRounds = "hmmd_tenant_rounds"
    case tenantFrames = "hmmd_tenant_frames"
    case tenantFrameLimit = "hmmd_tenant_frame_limit"
    case tenantRequests = "hmmd_tenant_requests_total"
    case tenantEngine = "hmmd_tenant_engine_seconds_total"
    case certificateStart = "hmmd_certificate_not_before_seconds"
    case certificateEnd = "hmmd_certificate_not_after_seconds"
    case processorTime = "process_cpu_seconds_total"
    case residentBytes = "process_resident_memory_bytes"
    case virtualBytes = "process_virtual_memory_bytes"
    case openFiles = "process_open_fds"
    case openFileLimit = "process_max_fds"
    case startTime = "process_start_time_seconds"

    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    var name: String { rawValue }

    var kind: Kind {
        switch self {
        case .runs: .histogram
        default: name.hasSuffix("_total") ? .counter : .gauge
        }
    }

    /// In the order in which values are given.
    var labels: [String] {
        switch self {
        case .buildInfo: ["version"]
        case .connections, .accepted: ["transport"]
        case .ended, .fenced: ["reason"]
        case .handshakes: ["result"]
        case .requests: ["verb"]
        case .refused: ["code"]
        case .loopLag, .loopTurns, .loopConnections: ["loop"]
        case .tenantConnections, .tenantMirrors, .tenantPending, .tenantParked, .tenantRounds, .tenantFrames,
            .tenantFrameLimit, .tenantRequests, .tenantEngine:
            ["tenant"]
        default: []
        }
    }

    /// One sentence.
    var help: String {
        switch self {
        case .buildInfo: "Always 1; the version is in the label."
        case .connections: "Connections that have not ended."
        case .connectionLimit:
            "Connections of all tenants that there may be: --max-connections, or as many as there is room for."
        case .accepted: "Connections taken."
        case .turnedAway: "Connections closed at once because there were too many."
        case .acceptFailures: "Times that the kernel had no descriptor or memory for a connection."
        case .ended: "Connections that have ended, by how."
        case .handshakes: "TLS handshakes, by how they ended."
        case .received: "Bytes from clients, TLS included."
        case .sent: "Bytes to clients, TLS included."
        case .unsent: "Bytes that wait for clients to read."
        case .buffered: "Bytes that wait for all connections, of input and of output: past --max-buffered some go."
        case .requests: "Requests taken, by verb."
        case .refused: "Requests answered with an error, and things that were no requests, by code."
        case .fenced: "Mirrors that lost their subscription: their lease ran out, or their device went."
        case .runs: "Time that an engine took for the requests of one piece of input."
        case .loopLag: "Time a task waited for its turn on an event loop, at this reading."
        case .loopTurns: "Whether the event loop answered this reading: 1 or 0."
        case .loopConnections: "Connections of the event loop."
        case .tenants: "Tenants at this moment."
        case .tenantConnections: "Connections of the tenant."
        case .tenantMirrors: "Mirrors of the tenant."
        case .tenantPending: "Requests that have begun and not been answered."
        case .tenantParked: "Those of them that wait for the range of another."
        case .tenantRounds: "Invalidations that wait for acknowledgements."
        case .tenantFrames: "Page frames in use, of 4096 bytes."
        case .tenantFrameLimit: "Page frames that the tenant may use."
        case .tenantRequests: "Requests taken from the tenant."
        case .tenantEngine: "Time that the tenant's engine was at work."
        case .certificateStart: "When the server's certificate begins to be valid, in seconds since 1970."
        case .certificateEnd: "When the server's certificate ends to be valid, in seconds since 1970."
        case .processorTime: "Processor time of this process, user and system together."
        case .residentBytes: "Memory of this process that is in RAM."
        case .virtualBytes: "Address space of this process."
        case .openFiles: "File descriptors in use."
        case .openFileLimit: "File descriptors that may be in use."
        case .startTime: "When this process began, in seconds since 1970."
        }
    }

    /// The table of docs/operations.md, a row for each metric.
    static var table: String {
        let rows = allCases.map { metric in
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: " ")
            return "| `\(metric.name)` | \(metric.kind.rawValue) | \(labels) | \(metric.help) |"
        }
        return (["| name | type | labels | meaning |", "|---|---|---|---|"] + rows).joined(separator: "\n")
    }
}
