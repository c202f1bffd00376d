internal import Synchronization

/// Bytes that wait in the server for all connections: input until its turn comes, output until the client reads.
final class ServerBuffers: Sendable {
    private let bytes = Atomic<Int>(0)
    /// Tenants with a connection.
    private let tenants = Atomic<Int>(0)
    private let bound: Atomic<Int>

    init(bound: Int) { self.bound = Atomic(bound) }

    var count: UInt64 { UInt64(clamping: bytes.load(ordering: .relaxed)) }

    /// Another bound holds from now on.
    func adopt(bound: Int) { self.bound.store(bound, ordering: .relaxed) }

    fileprivate func change(by count: Int) { bytes.wrappingAdd(count, ordering: .relaxed) }
    fileprivate func changeTenants(by count: Int) { tenants.wrappingAdd(count, ordering: .relaxed) }

    /// What each tenant may have while too much waits, if `count` more bytes are too much; nil otherwise.
    @inline(__always)
    fileprivate func share(with count: Int) -> Int? {
        let bound = bound.load(ordering: .relaxed)
        guard bytes.load(ordering: .relaxed) + count > bound else { return nil }
        return bound / max(1, tenants.load(ordering: .relaxed))
    }
}

/// Those of one tenant.
final class TenantBuffers: Sendable {
    private let server: ServerBuffers
    private let bytes = Atomic<Int>(0)
    private let connections = Atomic<Int>(0)

    init(_ server: ServerBuffers) { self.server = server }

    func change(by count: Int) {
        bytes.wrappingAdd(count, ordering: .relaxed)
        server.change(by: count)
    }

    func join() {
        if connections.wrappingAdd(1, ordering: .relaxed).oldValue == 0 { server.changeTenants(by: 1) }
    }

    func leave() {
        if connections.wrappingSubtract(1, ordering: .relaxed).newValue == 0 { server.changeTenants(by: -1) }
    }

    /// So many more are too many for the server, the tenant has more than its share, and a connection for which `own`
    /// bytes wait more than its part of that: whoever fills the server goes, the others go on.
    @inline(__always)
    func isPassed(by count: Int = 0, own: Int) -> Bool {
        guard let share = server.share(with: count) else { return false }
        guard bytes.load(ordering: .relaxed) + count > share else { return false }
        return own + count > share / max(1, connections.load(ordering: .relaxed))
    }
}
