import HMMEngine
import HMMProtocol

/// Engines, clients, the network between them and time, all of one seed.
final class World {
    enum Event {
        case join(Int)
        case arriveAtServer(Int, [UInt8])
        case arriveAtClient(Int, [UInt8])
        /// It is a client's turn, and so many more times.
        case act(Int, left: Int)
        case wake(Int)
        case drained(Int)
        /// The connection breaks, for both ends.
        case cut(Int)
        /// The client finds that the server has closed.
        case closed(Int)
        /// The transport of a connection that the engine has closed says that it is gone.
        case gone(Int)
        case drain(Int)
    }

    let plan: Plan
    /// Clients that are left out.
    let absent: Set<Int>
    var now: UInt64 = 1_000_000_000
    var queue = EventQueue<Event>()
    private(set) var tenants: [Tenant] = []
    private(set) var links: [Link] = []
    /// Every byte of every effect, in order.
    private(set) var hash = Hash()
    private(set) var inputs = 0
    var trace: Trace
    private var effects = Effects()

    init(_ plan: Plan, without absent: Set<Int>, _ trace: Trace) {
        self.plan = plan
        self.absent = absent
        self.trace = trace
        tenants = (0..<plan.tenants).map { Tenant(plan.tenantName($0), plan.limits) }
        for index in plan.parts.indices where !absent.contains(index) {
            queue.add(.join(index), at: now + plan.parts[index].joinsAt)
        }
        if let drainAt = plan.drainAt { queue.add(.drain(0), at: now + drainAt) }
    }

    // MARK: Time

    /// Lets happen what happens, until nothing does any more.
    func run() throws(Violation) {
        while true {
            guard inputs < plan.inputLimit else {
                throw Violation(.liveness, "there is no end to it: \(inputs) inputs")
            }
            let tick = nextTick()
            let next = queue.nextTime
            if let tick, tick.time <= next ?? .max {
                now = max(now, tick.time)
                trace.note("@\(milliseconds) tick")
                try input(tick.tenant, isTick: true) { engine, now, effects in
                    engine.handle(.tick, at: now, into: &effects)
                }
            } else if let (time, event) = queue.takeFirst() {
                now = max(now, time)
                try handle(event)
            } else {
                return
            }
        }
    }

    /// For the trace.
    var milliseconds: String {
        let fraction = now / 10_000 % 100
        return "\(now / 1_000_000 - 1000).\(fraction < 10 ? "0" : "")\(fraction)"
    }

    private func nextTick() -> (tenant: Tenant, time: UInt64)? {
        var first: (tenant: Tenant, time: UInt64)?
        for tenant in tenants {
            guard let deadline = tenant.engine.nextDeadline else { continue }
            let due = deadline.nanoseconds + plan.lateness
            if due < first?.time ?? .max { first = (tenant, due) }
        }
        return first
    }

    private func handle(_ event: Event) throws(Violation) {
        switch event {
        case .join(let part): try join(plan.parts[part], part)
        case .arriveAtServer(let link, let bytes): try serverReads(links[link], bytes)
        case .arriveAtClient(let link, let bytes): try clientReads(links[link], bytes)
        case .act(let link, let left): try act(links[link], left)
        case .wake(let link):
            guard !links[link].isGoneAtClient else { return }
            links[link].client.now = now
            links[link].client.wake()
            flush(links[link])
        case .drained(let link): try say(.drained(links[link].id), links[link])
        case .cut(let link): try cut(links[link])
        case .closed(let link): links[link].isGoneAtClient = true
        case .gone(let link):
            let id = links[link].id
            try input(links[link].tenant) { engine, now, effects in
                engine.handle(.disconnected(id), at: now, into: &effects)
            }
        case .drain(let tenant):
            trace.note("@\(milliseconds) drain")
            tenants[tenant].isDraining = true
            try input(tenants[tenant]) { engine, now, effects in engine.handle(.drain, at: now, into: &effects) }
        }
    }

    // MARK: Clients

    private func join(_ part: Plan.Part, _ index: Int) throws(Violation) {
        let tenant = tenants[part.tenant]
        let dice = Dice(seed: plan.seed &* 1009 &+ UInt64(index))
        let client: Client =
            switch part.kind {
            case .process:
                ProcessClient("P\(index)", tenant.board, dice, usesHugePages: plan.usesHugePages)
            case .driver(let manner): DriverClient("D\(index)", tenant.board, dice, manner: manner)
            case .ruleBreaker: RuleBreaker("R\(index)", tenant.board, dice)
            case .observer: Observer("O\(index)", tenant.board, dice)
            }
        let link = try connect(client, tenant, isSlow: part.isSlow, isDeaf: part.isDeaf)
        queue.add(.act(link.index, left: part.turns), at: now)
        if let cutAt = part.cutAt { queue.add(.cut(link.index), at: max(now, 1_000_000_000 + cutAt)) }
    }

    func connect(
        _ client: Client, _ tenant: Tenant, isSlow: Bool = false, isDeaf: Bool = false
    ) throws(Violation) -> Link {
        tenant.lastConnection += 1
        let link = Link(
            client, tenant, links.count, ConnectionID(rawValue: tenant.lastConnection), plan.limits,
            Dice(seed: plan.seed &* 31 &+ UInt64(links.count)), isSlow: isSlow, isDeaf: isDeaf)
        links.append(link)
        tenant.links.append(link.index)
        tenant.judge.connected(link.id)
        trace.note("@\(milliseconds) \(client.name) connects, \(link)")
        let principal = Principal(tenant: tenant.name, authentication: .mutualTLS)
        try input(tenant) { engine, now, effects in
            engine.handle(.connected(link.id, principal), at: now, into: &effects)
        }
        return link
    }

    private func act(_ link: Link, _ left: Int) throws(Violation) {
        let client = link.client
        guard !link.isGoneAtClient else { return }
        client.now = now
        for _ in 0...client.dice.roll(3) { client.act() }
        if let driver = client as? DriverClient, !link.isGoneAtServer {
            try link.tenant.judge.checkUse(driver, link.tenant.engine, now)
        }
        flush(link)
        if left > 0 { queue.add(.act(link.index, left: left - 1), at: now + UInt64(client.dice.roll(60)) * 1_000_000) }
    }

    /// What a client has written goes on its way.
    func flush(_ link: Link) {
        if let alarm = link.client.alarm {
            link.client.alarm = nil
            queue.add(.wake(link.index), at: now + alarm)
        }
        let bytes = link.client.outgoing
        link.client.outgoing = []
        for piece in link.pieces(bytes) { queue.add(.arriveAtServer(link.index, piece), at: link.up(now)) }
    }

    private func clientReads(_ link: Link, _ bytes: [UInt8]) throws(Violation) {
        guard !link.isGoneAtClient else { return }
        link.heard.append(bytes)
        link.client.now = now
        do {
            while let item = try link.heard.next() { link.client.hear(item.line) }
        } catch {
            throw Violation(.answers, "\(link.client.name) was sent a line without form: \(error)")
        }
        flush(link)
    }

    /// The connection breaks, and what is on its way is lost.
    func cut(_ link: Link) throws(Violation) {
        link.isGoneAtClient = true
        guard !link.isGoneAtServer else { return }
        trace.note("@\(milliseconds) \(link.client.name) is cut off")
        link.isGoneAtServer = true
        link.tenant.judge.ended(link.id)
        try input(link.tenant) { engine, now, effects in
            engine.handle(.disconnected(link.id), at: now, into: &effects)
        }
    }

    // MARK: The server

    private func serverReads(_ link: Link, _ bytes: [UInt8]) throws(Violation) {
        guard !link.isGoneAtServer else { return }
        guard !link.isPaused else { return link.held.append(bytes) }
        var items: [RequestReader.Item] = []
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while let item = link.requests.next(bytes, &offset) { items.append(item) }
        }
        trace.note("@\(milliseconds) \(link.client.name)> \(String(decoding: bytes, as: UTF8.self))")
        for item in items where !link.isGoneAtServer {
            link.tenant.judge.asked(item, link.id)
            try input(link.tenant) { engine, now, effects in
                engine.handle(item, from: link.id, at: now, into: &effects)
            }
        }
    }

    private func say(_ input: Input, _ link: Link) throws(Violation) {
        guard !link.isGoneAtServer else { return }
        try self.input(link.tenant) { engine, now, effects in engine.handle(input, at: now, into: &effects) }
    }

    /// One input, and everything that is checked after it.
    private func input(
        _ tenant: Tenant, isTick: Bool = false, _ body: (inout Engine, Instant, inout Effects) -> Void
    ) throws(Violation) {
        inputs += 1
        effects.removeAll()
        if isTick { tenant.judge.release(now) }
        body(&tenant.engine, Instant(nanoseconds: now), &effects)
        // Long work goes on at once: what comes between its slices only waits.
        while tenant.engine.isCut {
            tenant.judge.release(now)
            tenant.engine.handle(.tick, at: Instant(nanoseconds: now), into: &effects)
        }
        try deliver(tenant)
        try tenant.judge.check(tenant.engine, now, isTick: isTick)
        for index in tenant.links where !links[index].isGoneAtServer {
            guard let driver = links[index].client as? DriverClient else { continue }
            try tenant.judge.checkTranslations(driver, tenant.engine, now)
        }
        // Reads everything: in a large world now and then, else every time.
        guard tenant.engine.framesUsed < 256 || inputs % 64 == 0 else { return }
        let violations = tenant.engine.violations()
        guard violations.isEmpty else { throw Violation(.invariants, violations.joined(separator: "; ")) }
    }

    private func deliver(_ tenant: Tenant) throws(Violation) {
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            guard let link = tenant.links.lazy.map({ self.links[$0] }).first(where: { $0.id == segment.connection })
            else { throw Violation(.answers, "lines for a connection that never was") }
            let bytes = Array(effects.text.bytes[segment.range])
            hash.add(bytes)
            try hear(link, bytes)
            send(link, bytes)
        }
        for signal in effects.signals {
            switch signal {
            case .close(let id, _):
                guard let link = link(id, tenant), !link.isGoneAtServer else { continue }
                link.isGoneAtServer = true
                tenant.judge.ended(id)
                queue.add(.closed(link.index), at: link.down(now))
                queue.add(.gone(link.index), at: now)
            case .pauseReading(let id): link(id, tenant)?.isPaused = true
            case .resumeReading(let id):
                guard let link = link(id, tenant) else { continue }
                link.isPaused = false
                for bytes in link.held { queue.add(.arriveAtServer(link.index, bytes), at: link.up(now)) }
                link.held = []
            case .awaitDrain(let id):
                guard let link = link(id, tenant), link.reading != .never else { continue }
                queue.add(.drained(link.index), at: link.down(now))
            // Nobody is recorded here, so nobody gets that far.
            case .startRecording, .stopRecording: break
            }
        }
    }

    private func link(_ id: ConnectionID, _ tenant: Tenant) -> Link? {
        tenant.links.lazy.map { self.links[$0] }.first { $0.id == id }
    }

    private func hear(_ link: Link, _ bytes: [UInt8]) throws(Violation) {
        link.said.append(bytes)
        do {
            while let item = try link.said.next() {
                trace.note("@\(milliseconds) \(link.client.name)< \(item.text.prefix(300))")
                try link.tenant.judge.heard(item.line, link.id, now)
            }
        } catch let error as Violation {
            throw error
        } catch {
            throw Violation(.answers, "a line without form: \(error)")
        }
    }

    private func send(_ link: Link, _ bytes: [UInt8]) {
        switch link.reading {
        case .never:
            link.unread += bytes.count
            // The transport gives up.
            if link.unread > 1 << 16, link.unread - bytes.count <= 1 << 16 { queue.add(.cut(link.index), at: now) }
        case .always, .slow: queue.add(.arriveAtClient(link.index, bytes), at: link.down(now))
        }
    }
}
