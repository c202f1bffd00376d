import HMMEngine
import HMMProtocol
import HMMTranscript

/// What must hold at the end, and on the way for those who choose when to look.
extension EnginePeer {
    /// Keeps the first thing that was wrong.
    mutating func wrong(_ description: String) -> Violation {
        let found = Violation(description: description)
        violation = violation ?? found
        return found
    }

    /// Checks the whole state of every tenant that has no more than so many page frames in use, unless its work is cut:
    /// in the middle of it an area and its entries need not agree.
    ///
    /// - Throws: `Violation`.
    public mutating func check(upToFrames limit: UInt64 = .max) throws {
        for (name, tenant) in tenants.sorted(by: { $0.key < $1.key })
        where tenant.engine.framesUsed <= limit && !tenant.engine.isCut {
            let violations = tenant.engine.violations()
            if !violations.isEmpty { throw wrong("\(name): \(violations)") }
        }
    }

    /// Lets `name` acknowledge all it has been asked to.
    public mutating func acknowledge(_ name: String) throws {
        guard let connection = connections[name] else { return }
        let open = connection.openEvents.prefix(32).map(String.init).joined(separator: " ")
        connection.openEvents = []
        if !open.isEmpty { try send(Array("ack \(open)\n".utf8), on: name) }
    }

    /// Cuts every connection. When everybody has gone nothing waits for anything.
    ///
    /// - Throws: `Violation`.
    public mutating func leaveNothing() throws {
        goesOnAtOnce = true
        for name in connections.keys.sorted() { try cut(name) }
        // What was cut, or put off because much had been said.
        var ticks = 0
        while let (tenant, deadline) = nextDeadline(), ticks < 1000 {
            try tick(tenant, deadline)
            ticks += 1
        }
        try check()
        for (name, tenant) in tenants where tenant.engine.isCut { throw wrong("\(name): work that has no end") }
        for tenant in tenants.values {
            if tenant.engine.pendingCount > 0 { throw wrong("\(tenant.engine.pendingCount) requests wait for nobody") }
            if tenant.engine.connectionCount > 0 { throw wrong("connections that have gone are there") }
            if tenant.engine.nextDeadline != nil { throw wrong("a deadline of nothing") }
        }
    }
}
