import HMMEngine
import HMMProtocol
import HMMRecording
import HMMTranscript

/// Plays transcripts against engines in memory: a tenant is an engine, time is a number, and the whole state is checked
/// after every input.
struct EnginePeer: TranscriptPeer {
    /// One engine with its connections.
    final class Tenant {
        var engine: Engine
        var nextConnection: UInt32 = 1
        var names: [ConnectionID: String] = [:]
        /// What happens to it, if that is wanted.
        var recorder: RecordingEncoder?

        init(_ limits: Limits, _ policy: TenantPolicy) { engine = Engine(limits: limits, policy: policy) }
    }

    /// The server's end and the client's end of one connection.
    final class Connection {
        let tenant: Tenant
        let id: ConnectionID
        var requests: RequestReader
        var lines = ServerLineReader()
        var arrived: [ServerLineReader.Item] = []
        var isClosed = false
        /// What the engine has told the transport, in order, but for closing.
        var signals: [Effects.Signal] = []
        /// Bytes sent whose request has not ended.
        var unfinished: [UInt8] = []

        init(_ tenant: Tenant, _ id: ConnectionID, _ limits: Limits) {
            self.tenant = tenant
            self.id = id
            requests = RequestReader(limits: limits)
        }
    }

    struct Violation: Error, CustomStringConvertible { let description: String }

    private let limits: Limits
    /// Of every tenant, and the role of every connection that comes.
    private var policy: TenantPolicy
    var role = Role.admin
    private(set) var tenants: [String: Tenant] = [:]
    private(set) var connections: [String: Connection] = [:]
    private var now = Instant(nanoseconds: 1_000_000_000)
    /// Everything every connection was sent, for comparing two runs.
    private(set) var output: [UInt8] = []
    private var lines: [(name: String, item: ServerLineReader.Item)] = []
    /// The most bytes that one input has caused.
    private(set) var longestText = 0
    /// Whether the whole state is checked after every input; whoever has a better time for it does it himself.
    var checksState = true
    /// Whether every tenant is recorded from its beginning.
    var records = false
    /// Whether a transport goes as soon as the engine closes it; if not, `cut` ends it.
    var closesAtOnce = true

    init(limits: Limits = Limits(), policy: TenantPolicy = TenantPolicy()) {
        self.limits = limits
        self.policy = policy
    }

    mutating func connect(_ name: String, tenant: String) throws {
        let owner = tenants[tenant] ?? Tenant(limits, policy)
        if records, tenants[tenant] == nil { owner.recorder = Self.recorder(tenant, limits) }
        tenants[tenant] = owner
        let id = ConnectionID(rawValue: owner.nextConnection)
        owner.nextConnection += 1
        owner.names[id] = name
        connections[name] = Connection(owner, id, limits)
        guard let tenantName = ShortName(tenant) else { throw Violation(description: "tenant name") }
        try input(.connected(id, Principal(tenant: tenantName, authentication: .mutualTLS, role: role)), owner)
    }

    private static func recorder(_ tenant: String, _ limits: Limits) -> RecordingEncoder {
        RecordingEncoder(
            RecordingHeader(
                tenant: ShortName(tenant) ?? .none, engineVersion: Engine.version, startSeconds: 0, holdsOutput: false,
                limits: limits, policy: TenantPolicy()))
    }

    mutating func send(_ octets: [UInt8], on name: String) throws {
        guard let connection = connections[name], !connection.isClosed else { return }
        var items: [(item: RequestReader.Item, source: [UInt8])] = []
        octets.withUnsafeBytes { bytes in
            var offset = 0
            var start = 0
            while let item = connection.requests.next(bytes, &offset) {
                items.append((item, connection.unfinished + bytes[start..<offset]))
                connection.unfinished = []
                start = offset
            }
            connection.unfinished += bytes[start..<offset]
        }
        for (item, source) in items {
            switch item {
            case .request(let tag, let request):
                try input(.request(connection.id, tag, request), connection.tenant, source)
            case .failure(let tag, let failure, let closes):
                try input(.refused(connection.id, tag, failure, closes: closes), connection.tenant, source)
            }
        }
    }

    mutating func receive(on name: String) throws -> TranscriptRun.Outcome {
        guard let connection = connections[name] else { return .nothing }
        if !connection.arrived.isEmpty { return .line(connection.arrived.removeFirst()) }
        return connection.isClosed ? .ended : .nothing
    }

    /// Lets time pass, deadline by deadline.
    mutating func advance(milliseconds: UInt64) throws {
        let end = Instant(nanoseconds: now.nanoseconds + milliseconds * 1_000_000)
        while let (tenant, deadline) = nextDeadline(), deadline <= end {
            now = max(now, deadline)
            try input(.tick, tenant)
        }
        now = end
    }

    private func nextDeadline() -> (Tenant, Instant)? {
        tenants.sorted { $0.key < $1.key }
            .compactMap { entry in entry.value.engine.nextDeadline.map { (entry.value, $0) } }
            .min { $0.1 < $1.1 }
    }

    mutating func cut(_ name: String) throws {
        guard let connection = connections[name] else { return }
        connection.isClosed = true
        try input(.disconnected(connection.id), connection.tenant)
    }

    /// Takes every line since the last time, whoever it went to, in the order the engine wrote them.
    mutating func takeLines() -> [(name: String, item: ServerLineReader.Item)] {
        defer { lines = [] }
        return lines
    }

    /// Tells every tenant that the server is about to stop.
    mutating func drain() throws {
        for tenant in tenants.values { try input(.drain, tenant) }
    }

    /// Gives every tenant another policy.
    mutating func adopt(_ policy: TenantPolicy) throws {
        self.policy = policy
        for tenant in tenants.values { try input(.policy(policy), tenant) }
    }

    private mutating func input(_ input: Input, _ tenant: Tenant, _ source: [UInt8] = []) throws {
        try handle(input, tenant, source)
        while tenant.engine.isCut { try handle(.tick, tenant) }
    }

    private mutating func handle(_ input: Input, _ tenant: Tenant, _ source: [UInt8] = []) throws {
        var effects = Effects()
        tenant.engine.handle(input, at: now, into: &effects)
        record(input, tenant, source, effects)
        try deliver(effects, tenant)
        guard checksState, !tenant.engine.isCut else { return }
        let violations = tenant.engine.violations()
        guard violations.isEmpty else { throw Violation(description: "after \(input): \(violations)") }
    }

    private func record(_ input: Input, _ tenant: Tenant, _ source: [UInt8], _ effects: borrowing Effects) {
        switch input {
        case .request(let id, _, _), .refused(let id, _, _, _):
            source.withUnsafeBytes {
                tenant.recorder?.record(requests: $0, of: id, at: now, causing: effects)
            }
        default: tenant.recorder?.record(input, at: now, causing: effects)
        }
    }

    private mutating func deliver(_ effects: borrowing Effects, _ tenant: Tenant) throws {
        let text = Array(effects.text.bytes)
        longestText = max(longestText, text.count)
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            guard let name = tenant.names[segment.connection], let connection = connections[name] else {
                throw Violation(description: "lines for a connection that never was")
            }
            output += Array("\(name): ".utf8) + text[segment.range]
            connection.lines.append(text[segment.range])
            while let item = try connection.lines.next() {
                connection.arrived.append(item)
                lines.append((name, item))
            }
        }
        var closed: [ConnectionID] = []
        var drained: [ConnectionID] = []
        for signal in effects.signals {
            switch signal {
            case .close(let id, _): closed.append(id)
            case .pauseReading(let id), .resumeReading(let id):
                connections[tenant.names[id] ?? ""]?.signals.append(signal)
            case .awaitDrain(let id): drained.append(id)
            case .startRecording, .stopRecording: break
            }
        }
        for id in drained { try input(.drained(id), tenant) }
        for id in closed where closesAtOnce {
            guard let name = tenant.names[id], let connection = connections[name], !connection.isClosed else {
                continue
            }
            connection.isClosed = true
            try input(.disconnected(id), tenant)
        }
    }
}
