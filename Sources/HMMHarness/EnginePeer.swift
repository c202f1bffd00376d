public import HMMEngine
public import HMMProtocol
public import HMMRecording
public import HMMTranscript

/// Engines in memory with their connections, driven as a transport drives them: a tenant is an engine, time is a
/// number, nothing waits. Transcripts and scenarios of the oracle play against it; tests and fuzzers are built on it.
///
/// What must always hold is looked at on the way. What does not is thrown as a `Violation`, and the first one is kept
/// in `violation` for those who play through somebody that catches errors.
public struct EnginePeer: TranscriptPeer {
    /// One engine with its connections.
    public final class Tenant {
        public var engine: Engine
        /// What happens to it, if that is wanted.
        public var recorder: RecordingEncoder?
        fileprivate var nextConnection: UInt32 = 1
        fileprivate var names: [ConnectionID: String] = [:]

        init(_ limits: Limits, _ policy: TenantPolicy) { engine = Engine(limits: limits, policy: policy) }
    }

    /// The server's end and the client's end of one connection.
    public final class Connection {
        public let tenant: Tenant
        public let id: ConnectionID
        /// Lines that nobody has looked at.
        public var arrived: [ServerLineReader.Item] = []
        public internal(set) var isClosed = false
        /// What the engine has told the transport, in order, but for closing.
        public fileprivate(set) var signals: [Effects.Signal] = []
        fileprivate var requests: RequestReader
        /// Bytes sent whose request has not ended.
        fileprivate var unfinished: [UInt8] = []
        fileprivate var lines = ServerLineReader()
        /// Events are numbered without gaps.
        fileprivate var nextEvent: UInt64 = 1
        /// Events that want an acknowledgement and that `acknowledge` has not sent one for.
        var openEvents: [UInt64] = []
        /// The engine waits for its client to take what it was sent.
        fileprivate var mustDrain = false

        init(_ tenant: Tenant, _ id: ConnectionID, _ limits: Limits) {
            self.tenant = tenant
            self.id = id
            requests = RequestReader(limits: limits)
        }
    }

    /// Something that must never be.
    public struct Violation: Error, CustomStringConvertible {
        public let description: String
    }

    /// What is written down of every tenant from its beginning.
    public enum Recorded: Sendable { case nothing, inputs, inputsAndOutput }

    /// Of every tenant that comes.
    public var limits: Limits
    /// Of every tenant.
    public private(set) var policy: TenantPolicy
    /// Of every connection that comes.
    public var role = Role.admin
    public private(set) var tenants: [String: Tenant] = [:]
    public private(set) var connections: [String: Connection] = [:]
    private var now = Instant(nanoseconds: 1_000_000_000)
    /// The first thing that was wrong.
    public internal(set) var violation: Violation?

    /// Everything every connection was sent, for comparing two runs.
    public private(set) var output: [UInt8] = []
    private var lines: [(name: String, item: ServerLineReader.Item)] = []
    /// The most bytes that one input has caused.
    public private(set) var longestText = 0

    /// Whether the whole state is checked after every input; whoever has a better time for it does it himself.
    public var checksState = true
    /// Whether `output` and `takeLines` are kept; what a connection was sent always is.
    public var keepsOutput = true
    public var recorded = Recorded.nothing
    /// Whether a transport goes as soon as the engine closes it; if not, `cut` ends it.
    public var closesAtOnce = true
    /// Whether clients take what they are sent as soon as an engine waits for that; if not, `take` says so.
    public var drainsAtOnce = true
    /// Whether work that was cut goes on before anything else; if not, `advance` takes it on.
    public var goesOnAtOnce = true

    public init(limits: Limits = Limits(), policy: TenantPolicy = TenantPolicy()) {
        self.limits = limits
        self.policy = policy
    }

    // MARK: What clients do

    /// Connects `name`; a connection of that name that is still there is cut.
    public mutating func connect(_ name: String, tenant: String) throws {
        try cut(name)
        guard let tenantName = ShortName(tenant) else { throw wrong("tenant name") }
        let owner = tenants[tenant] ?? Tenant(limits, policy)
        if tenants[tenant] == nil { record(owner, as: tenantName) }
        tenants[tenant] = owner
        let id = ConnectionID(rawValue: owner.nextConnection)
        owner.nextConnection += 1
        owner.names[id] = name
        connections[name] = Connection(owner, id, limits)
        try input(.connected(id, Principal(tenant: tenantName, authentication: .mutualTLS, role: role)), owner)
    }

    public mutating func send(_ octets: [UInt8], on name: String) throws {
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
        for (item, source) in items where !connection.isClosed {
            switch item {
            case .request(let tag, let request):
                try input(.request(connection.id, tag, request), connection.tenant, source)
            case .failure(let tag, let failure, let closes):
                try input(.refused(connection.id, tag, failure, closes: closes), connection.tenant, source)
            }
        }
    }

    public mutating func receive(on name: String) throws -> TranscriptRun.Outcome {
        guard let connection = connections[name] else { return .nothing }
        if !connection.arrived.isEmpty { return .line(connection.arrived.removeFirst()) }
        return connection.isClosed ? .ended : .nothing
    }

    public mutating func cut(_ name: String) throws {
        guard let connection = connections[name], !connection.isClosed else { return }
        connection.isClosed = true
        try input(.disconnected(connection.id), connection.tenant)
    }

    /// Whoever runs the server ends the connection.
    public mutating func close(_ name: String) throws {
        guard let connection = connections[name], !connection.isClosed else { return }
        try input(.close(connection.id, .revoked), connection.tenant)
    }

    /// A client has taken everything it was sent, if an engine waits for that.
    public mutating func take(_ name: String) throws {
        guard let connection = connections[name], connection.mustDrain, !connection.isClosed else { return }
        connection.mustDrain = false
        try input(.drained(connection.id), connection.tenant)
    }

    // MARK: What else happens

    /// Lets time pass, deadline by deadline; not beyond a century or so.
    public mutating func advance(milliseconds: UInt64) throws {
        let (span, over) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (end, past) = now.nanoseconds.addingReportingOverflow(span)
        guard !over, !past, end < 1 << 62 else { return }
        var ticks = 0
        while let (tenant, deadline) = nextDeadline(), deadline.nanoseconds <= end {
            try tick(tenant, deadline)
            ticks += 1
            if ticks > 100_000 { throw wrong("time does not get on") }
        }
        now = Instant(nanoseconds: end)
    }

    func nextDeadline() -> (Tenant, Instant)? {
        tenants.sorted { $0.key < $1.key }
            .compactMap { entry in entry.value.engine.nextDeadline.map { (entry.value, $0) } }
            .min { $0.1 < $1.1 }
    }

    mutating func tick(_ tenant: Tenant, _ deadline: Instant) throws {
        now = max(now, deadline)
        try input(.tick, tenant)
    }

    /// Tells every tenant that the server is about to stop.
    public mutating func drain() throws {
        for (_, tenant) in tenants.sorted(by: { $0.key < $1.key }) { try input(.drain, tenant) }
    }

    /// Gives every tenant another policy.
    public mutating func adopt(_ policy: TenantPolicy) throws {
        self.policy = policy
        for (_, tenant) in tenants.sorted(by: { $0.key < $1.key }) { try input(.policy(policy), tenant) }
    }

    /// Tells every tenant how much waits for its clients to read.
    public mutating func tellUnsent(_ bytes: UInt64) throws {
        for (_, tenant) in tenants.sorted(by: { $0.key < $1.key }) { try input(.unsent(bytes), tenant) }
    }

    /// Takes every line since the last time, whoever it went to, in the order the engine wrote them.
    public mutating func takeLines() -> [(name: String, item: ServerLineReader.Item)] {
        defer { lines = [] }
        return lines
    }

    // MARK: The engine

    private mutating func input(_ input: Input, _ tenant: Tenant, _ source: [UInt8] = []) throws {
        try handle(input, tenant, source)
        // Long work is cut into slices; the transport comes back for the next one.
        while goesOnAtOnce, tenant.engine.isCut { try handle(.tick, tenant) }
    }

    private mutating func handle(_ input: Input, _ tenant: Tenant, _ source: [UInt8] = []) throws {
        var effects = Effects()
        tenant.engine.handle(input, at: now, into: &effects)
        record(input, tenant, source, effects)
        try deliver(effects, tenant)
        guard checksState, !tenant.engine.isCut else { return }
        let violations = tenant.engine.violations()
        guard violations.isEmpty else { throw wrong("after \(input): \(violations)") }
    }

    private mutating func deliver(_ effects: borrowing Effects, _ tenant: Tenant) throws {
        let text = Array(effects.text.bytes)
        longestText = max(longestText, text.count)
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            guard let name = tenant.names[segment.connection], let connection = connections[name] else {
                throw wrong("lines for a connection that never was")
            }
            if keepsOutput { output += Array("\(name): ".utf8) + text[segment.range] }
            // Somebody else has the name now.
            guard connection.id == segment.connection else { continue }
            try deliver(text[segment.range], to: connection, name)
        }
        try carryOut(effects.signals, tenant)
    }

    private mutating func deliver(_ text: ArraySlice<UInt8>, to connection: Connection, _ name: String) throws {
        var mistake: String?
        connection.lines.append(text)
        do throws(ServerLineError) {
            while let item = try connection.lines.next() {
                mistake = mistake ?? connection.take(item)
                if keepsOutput { lines.append((name, item)) }
            }
        } catch {
            throw wrong("not a line of a server: \(error)")
        }
        if connection.lines.isMidLine { throw wrong("half a line") }
        if let mistake { throw wrong(mistake) }
    }

    private mutating func carryOut(_ signals: [Effects.Signal], _ tenant: Tenant) throws {
        var closed: [ConnectionID] = []
        var drained: [String] = []
        for signal in signals {
            switch signal {
            case .close(let id, _): closed.append(id)
            case .pauseReading(let id), .resumeReading(let id):
                connections[tenant.names[id] ?? ""]?.signals.append(signal)
            case .awaitDrain(let id):
                guard let name = tenant.names[id], connections[name]?.id == id else { continue }
                connections[name]?.mustDrain = true
                if drainsAtOnce { drained.append(name) }
            // Nobody records but `record` below.
            case .startRecording, .stopRecording: break
            }
        }
        for name in drained { try take(name) }
        for id in closed where closesAtOnce {
            guard let name = tenant.names[id], connections[name]?.id == id else { continue }
            try cut(name)
        }
    }

    // MARK: Recording

    private func record(_ tenant: Tenant, as name: ShortName) {
        guard recorded != .nothing else { return }
        tenant.recorder = RecordingEncoder(
            RecordingHeader(
                tenant: name, engineVersion: Engine.version, startSeconds: 0, holdsOutput: recorded == .inputsAndOutput,
                limits: limits, policy: policy))
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
}

extension EnginePeer.Connection {
    /// Takes a line; returns what is wrong with it.
    fileprivate func take(_ item: ServerLineReader.Item) -> String? {
        arrived.append(item)
        guard case .event(let number, let name, let pairs) = item.line else { return nil }
        defer { nextEvent = number &+ 1 }
        if name == "inval", pairs["lease"] != nil { openEvents.append(number) }
        return number == nextEvent ? nil : "event \(number) instead of \(nextEvent)"
    }
}
