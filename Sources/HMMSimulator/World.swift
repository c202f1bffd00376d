import HMMEngine
import HMMProtocol

/// Engines, clients, the network between them and time, all of one seed.
final class World {
    enum Event {
        case join(Int)
        case arriveAtServer(Int, [UInt8])
        /// The server looks again at what a connection has sent.
        case readOn(Int)
        case arriveAtClient(Int, [UInt8])
        /// It is a client's turn, and so many more times.
        case act(Int, left: Int)
        case wake(Int)
        case drained(Int)
        /// The connection breaks, for both ends.
        case cut(Int)
        /// Whoever runs the server ends the connection.
        case close(Int)
        /// The client finds that the server has closed.
        case closed(Int)
        /// The transport of a connection that the engine has closed says that it is gone.
        case gone(Int)
        case drain(Int)
        case rule(Plan.Rule)
    }

    let plan: Plan
    /// Clients that are left out.
    let absent: Set<Int>
    var now: UInt64 = 1_000_000_000
    var queue = EventQueue<Event>()
    private(set) var tenants: [Tenant] = []
    private(set) var links: [Link] = []
    /// Every byte of every effect, in order.
    var hash = Hash()
    var inputs = 0
    var trace: Trace
    var effects = Effects()

    init(_ plan: Plan, without absent: Set<Int>, _ trace: Trace) {
        self.plan = plan
        self.absent = absent
        self.trace = trace
        tenants = (0..<plan.tenants).map { index in
            Tenant(plan.tenantName(index), plan.limits, Dice(seed: plan.seed &* 17 &+ UInt64(index)))
        }
        for index in plan.parts.indices where !absent.contains(index) {
            queue.add(.join(index), at: now + plan.parts[index].joinsAt)
        }
        for rule in plan.rules { queue.add(.rule(rule), at: now + rule.at) }
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
                try input(.tick, tick.tenant)
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
            let late = tenant.engine.nextDeadline.map { $0.nanoseconds + plan.lateness }
            guard let due = tenant.nextSlice ?? late else { continue }
            if due < first?.time ?? .max { first = (tenant, due) }
        }
        return first
    }

    private func handle(_ event: Event) throws(Violation) {
        switch event {
        case .join(let part): try join(plan.parts[part], part)
        case .arriveAtServer(let link, let bytes): try serverReads(links[link], bytes)
        case .readOn(let link): try parse(links[link])
        case .arriveAtClient(let link, let bytes): try clientReads(links[link], bytes)
        case .act(let link, let left): try act(links[link], left)
        case .wake(let link):
            guard !links[link].isGoneAtClient else { return }
            links[link].client.now = now
            links[link].client.wake()
            flush(links[link])
        case .drained(let link): try say(.drained(links[link].id), links[link])
        case .cut(let link): try cut(links[link])
        case .close(let link): try say(.close(links[link].id, .revoked), links[link])
        case .closed(let link): links[link].isGoneAtClient = true
        case .gone(let link): try input(.disconnected(links[link].id), links[link].tenant)
        case .drain(let tenant):
            trace.note("@\(milliseconds) drain")
            tenants[tenant].isDraining = true
            try input(.drain, tenants[tenant])
        case .rule(let rule): try allow(rule.policy, tenants[rule.tenant])
        }
    }

    func allow(_ policy: TenantPolicy, _ tenant: Tenant) throws(Violation) {
        trace.note("@\(milliseconds) policy \(policy.words)")
        try input(.policy(policy), tenant)
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
            case .legacy: LegacyClient("L\(index)", tenant.board, dice)
            }
        let link = try connect(client, tenant, part.role, isSlow: part.isSlow, isDeaf: part.isDeaf)
        let wants = [
            !plan.rules.isEmpty && index.isMultiple(of: 2) ? "quota" : nil, part.wantsLease ? "lease" : nil,
        ].compactMap { $0 }
        if !wants.isEmpty { client.send("hello enable=\(wants.joined(separator: ","))", untagged: true) }
        queue.add(.act(link.index, left: part.turns), at: now)
        if let cutAt = part.cutAt { queue.add(.cut(link.index), at: max(now, 1_000_000_000 + cutAt)) }
        if let closedAt = part.closedAt { queue.add(.close(link.index), at: max(now, 1_000_000_000 + closedAt)) }
    }

    func connect(
        _ client: Client, _ tenant: Tenant, _ role: Role = .admin, isSlow: Bool = false, isDeaf: Bool = false
    ) throws(Violation) -> Link {
        tenant.lastConnection += 1
        let link = Link(
            client, tenant, links.count, ConnectionID(rawValue: tenant.lastConnection), plan.limits,
            Dice(seed: plan.seed &* 31 &+ UInt64(links.count)), isSlow: isSlow, isDeaf: isDeaf)
        links.append(link)
        tenant.links.append(link.index)
        trace.note("@\(milliseconds) \(client.name) connects, \(link)")
        let principal = Principal(tenant: tenant.name, authentication: .mutualTLS, role: role)
        try input(.connected(link.id, principal), tenant)
        return link
    }

    private func act(_ link: Link, _ left: Int) throws(Violation) {
        let client = link.client
        guard !link.isGoneAtClient else { return }
        client.now = now
        for _ in 0...client.dice.roll(3) { client.act() }
        if let driver = client as? DriverClient, !link.isGoneAtServer, !link.tenant.engine.isCut {
            try link.tenant.judge.checkUse(driver, link.tenant.engine, now)
        }
        flush(link)
        // The server has a look at a small state now and then.
        if link.tenant.dice.chance(3), !link.tenant.engine.isCut || plan.isRude { try input(.inspect, link.tenant) }
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
        try input(.disconnected(link.id), link.tenant)
    }
}
