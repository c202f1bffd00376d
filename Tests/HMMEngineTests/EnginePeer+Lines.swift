import HMMEngine
import HMMHarness
import HMMProtocol

/// Conversations written in Swift, for what a transcript cannot say: other limits, loops, draining.
extension EnginePeer {
    /// Sends lines as `name`, which connects on first use; returns every line that `name` has been sent and not looked
    /// at.
    @discardableResult
    mutating func say(_ lines: String..., as name: String) throws -> [String] {
        if connections[name] == nil {
            try connect(name, tenant: "ci")
            _ = heard(name)
        }
        for line in lines { try send(Array(line.utf8) + [10], on: name) }
        return heard(name)
    }

    /// Takes the lines that `name` has been sent. Octets of a literal follow theirs.
    func heard(_ name: String) -> [String] {
        guard let connection = connections[name] else { return [] }
        defer { connection.arrived = [] }
        return connection.arrived.map { item in
            item.literal.map { "\(item.text) \(String(decoding: $0, as: UTF8.self))" } ?? item.text
        }
    }

    /// The engine of the only tenant.
    var tenant: Tenant? { tenants["ci"] }

    var framesUsed: UInt64 { tenant?.engine.framesUsed ?? 0 }
    var pendingCount: Int { tenant?.engine.pendingCount ?? 0 }
}
