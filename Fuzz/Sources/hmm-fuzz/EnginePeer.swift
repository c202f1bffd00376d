import HMMEngine
import HMMProtocol
import HMMTranscript

/// Engines in memory with connections, as the transport would drive them. What comes out must be lines of a server.
struct EnginePeer: TranscriptPeer {
    final class Tenant {
        var engine: Engine
        var nextConnection: UInt32 = 1
        var names: [ConnectionID: String] = [:]

        init(_ limits: Limits) { engine = Engine(limits: limits) }
    }

    final class Connection {
        let tenant: Tenant
        let id: ConnectionID
        var requests: RequestReader
        var lines = ServerLineReader()
        var arrived: [ServerLineReader.Item] = []
        var openEvents: [UInt64] = []
        var nextEvent: UInt64 = 1
        var isClosed = false

        init(_ tenant: Tenant, _ id: ConnectionID, _ limits: Limits) {
            self.tenant = tenant
            self.id = id
            requests = RequestReader(limits: limits)
        }
    }

    private let limits: Limits
    private(set) var tenants: [String: Tenant] = [:]
    private(set) var connections: [String: Connection] = [:]
    private var now = Instant(nanoseconds: 1_000_000_000)

    init(limits: Limits = Self.narrow) { self.limits = limits }

    /// Limits that a short input can pass.
    static let narrow: Limits = {
        var limits = Limits()
        limits.literal = 1 << 16
        limits.residentBytes = 8 << 20
        limits.regionBytes = 1 << 30
        limits.fileBytes = 64 << 20
        limits.hugetlbPages = 2
        limits.window = 8
        limits.queuedBytes = 4096
        limits.openEvents = 16
        limits.answerBytes = 1 << 16
        limits.spaces = 8
        limits.areas = 64
        limits.devices = 4
        limits.regions = 8
        limits.mirrors = 16
        limits.connections = 6
        limits.files = 4
        limits.pins = 16
        limits.openMigrations = 4
        limits.migrationPages = 2048
        return limits
    }()

    // MARK: What happens

    mutating func connect(_ name: String, tenant: String) {
        if let old = connections[name], !old.isClosed { cut(name) }
        let owner = tenants[tenant] ?? Tenant(limits)
        tenants[tenant] = owner
        let id = ConnectionID(rawValue: owner.nextConnection)
        owner.nextConnection += 1
        owner.names[id] = name
        connections[name] = Connection(owner, id, limits)
        let principal = Principal(tenant: ShortName(tenant) ?? .none, authentication: .mutualTLS)
        input(.connected(id, principal), owner)
    }

    mutating func send(_ octets: [UInt8], on name: String) {
        guard let connection = connections[name] else { return }
        var items: [RequestReader.Item] = []
        octets.withUnsafeBytes { bytes in
            var offset = 0
            while let item = connection.requests.next(bytes, &offset) { items.append(item) }
        }
        for item in items where !connection.isClosed {
            switch item {
            case .request(let tag, let request): input(.request(connection.id, tag, request), connection.tenant)
            case .failure(let tag, let failure, let closes):
                input(.refused(connection.id, tag, failure, closes: closes), connection.tenant)
            }
        }
    }

    mutating func receive(on name: String) -> TranscriptRun.Outcome {
        guard let connection = connections[name] else { return .nothing }
        if !connection.arrived.isEmpty { return .line(connection.arrived.removeFirst()) }
        return connection.isClosed ? .ended : .nothing
    }

    mutating func advance(milliseconds: UInt64) {
        let (span, over) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (end, past) = now.nanoseconds.addingReportingOverflow(span)
        guard !over, !past, end < 1 << 62 else { return }
        var ticks = 0
        while let (tenant, deadline) = nextDeadline(), deadline.nanoseconds <= end {
            now = max(now, deadline)
            input(.tick, tenant)
            ticks += 1
            if ticks > 100_000 { finding("time does not get on") }
        }
        now = Instant(nanoseconds: end)
    }

    private func nextDeadline() -> (Tenant, Instant)? {
        tenants.sorted { $0.key < $1.key }
            .compactMap { entry in entry.value.engine.nextDeadline.map { (entry.value, $0) } }
            .min { $0.1 < $1.1 }
    }

    mutating func cut(_ name: String) {
        guard let connection = connections[name], !connection.isClosed else { return }
        connection.isClosed = true
        input(.disconnected(connection.id), connection.tenant)
    }

    /// Lets `name` acknowledge all it has been asked to.
    mutating func acknowledge(_ name: String) {
        guard let connection = connections[name] else { return }
        let open = connection.openEvents.prefix(32).map(String.init).joined(separator: " ")
        connection.openEvents = []
        if !open.isEmpty { send(Array("ack \(open)\n".utf8), on: name) }
    }

    mutating func drain() { for name in tenants.keys.sorted() { tenants[name].map { input(.drain, $0) } } }

    // MARK: What must hold

    /// The invariants of states that are not too large to be looked at often.
    func check() {
        for tenant in tenants.values where tenant.engine.framesUsed < 600 { Self.check(tenant) }
    }

    private static func check(_ tenant: Tenant) {
        let violations = tenant.engine.violations()
        if !violations.isEmpty { finding("\(violations)") }
    }

    /// When everybody has gone nothing waits for anything.
    mutating func leaveNothing() {
        for name in connections.keys.sorted() { cut(name) }
        // What was put off because much had been said.
        var ticks = 0
        while let (tenant, deadline) = nextDeadline(), ticks < 1000 {
            now = max(now, deadline)
            input(.tick, tenant)
            ticks += 1
        }
        for tenant in tenants.values {
            Self.check(tenant)
            if tenant.engine.pendingCount > 0 { finding("\(tenant.engine.pendingCount) requests wait for nobody") }
            if tenant.engine.connectionCount > 0 { finding("connections that have gone are there") }
            if tenant.engine.nextDeadline != nil { finding("a deadline of nothing") }
        }
    }

    // MARK: The engine

    private mutating func input(_ input: Input, _ tenant: Tenant) {
        handle(input, tenant)
        // Long work is cut into slices; the transport comes back for the next one.
        while tenant.engine.isCut { handle(.tick, tenant) }
    }

    private mutating func handle(_ input: Input, _ tenant: Tenant) {
        var effects = Effects()
        tenant.engine.handle(input, at: now, into: &effects)
        deliver(effects, tenant)
    }

    private mutating func deliver(_ effects: borrowing Effects, _ tenant: Tenant) {
        let text = Array(effects.text.bytes)
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            guard let name = tenant.names[segment.connection] else { finding("lines for nobody") }
            guard let connection = connections[name], connection.id == segment.connection else { continue }
            connection.lines.append(text[segment.range])
            do throws(ServerLineError) {
                while let item = try connection.lines.next() { Self.take(item, connection) }
            } catch {
                finding("not a line of a server: \(error)")
            }
            if connection.lines.isMidLine { finding("half a line") }
        }
        var closed: [ConnectionID] = []
        var drained: [ConnectionID] = []
        for signal in effects.signals {
            switch signal {
            case .close(let id, _): closed.append(id)
            case .awaitDrain(let id): drained.append(id)
            case .startRecording, .stopRecording: break
            case .pauseReading, .resumeReading: break
            }
        }
        for id in drained { input(.drained(id), tenant) }
        for id in closed {
            guard let name = tenant.names[id], connections[name]?.id == id else { continue }
            cut(name)
        }
    }

    private static func take(_ item: ServerLineReader.Item, _ connection: Connection) {
        if case .event(let number, let name, let pairs) = item.line {
            if number != connection.nextEvent { finding("event \(number) instead of \(connection.nextEvent)") }
            connection.nextEvent += 1
            if name == "inval", pairs["lease"] != nil { connection.openEvents.append(number) }
        }
        connection.arrived.append(item)
    }
}
