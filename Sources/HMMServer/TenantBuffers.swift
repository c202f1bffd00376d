/// Bytes that wait for the connections of one tenant, of input until its turn comes, of output until the client reads:
/// a part of those of the whole server, which its tenants share as a tenant's connections share its own.
final class TenantBuffers: Sendable {
    private let server: SharedBytes
    private let own = SharedBytes()

    init(_ server: SharedBytes) { self.server = server }

    func change(by count: Int) {
        own.change(by: count)
        server.change(by: count)
    }

    func join() { if own.join() { server.join() } }
    func leave() { if own.leave() { server.leave() } }

    /// So many more are too many for the server, the tenant has more than its share, and a connection for which `own`
    /// bytes wait more than its part of that: whoever fills the server goes, the others go on.
    @inline(__always)
    func isPassed(by count: Int = 0, own bytes: Int) -> Bool {
        guard let share = server.share(with: count), let part = own.share(of: share, with: count) else { return false }
        return bytes + count > part
    }
}
