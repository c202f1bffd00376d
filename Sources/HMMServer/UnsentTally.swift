internal import HMMEngine
internal import HMMProtocol
internal import Synchronization

/// Bytes of one tenant that wait for its clients to read, in mailboxes and before sockets, on all event loops.
final class UnsentTally: Sendable {
    /// Among the connections of the tenant, as its quota has it.
    private let unsent: SharedBytes
    private let watched: Atomic<Bool>
    /// Where they count with all else that waits.
    private let buffers: TenantBuffers

    init(_ policy: TenantPolicy, _ buffers: TenantBuffers) {
        self.buffers = buffers
        unsent = SharedBytes(bound: Self.bound(policy))
        watched = Atomic(Self.isBounded(policy))
    }

    private static func isBounded(_ policy: TenantPolicy) -> Bool { policy.quota[.unsentBytes] != Quota.Bound() }

    private static func bound(_ policy: TenantPolicy) -> Int {
        Int(clamping: policy.quota[.unsentBytes].hard ?? .max)
    }

    func adopt(_ policy: TenantPolicy) {
        unsent.adopt(bound: Self.bound(policy))
        watched.store(Self.isBounded(policy), ordering: .relaxed)
    }

    /// The quota has a bound for it, hard or soft: the engine wants to know.
    @inline(__always)
    var isWatched: Bool { watched.load(ordering: .relaxed) }

    var count: UInt64 { unsent.count }

    func change(by count: Int) {
        guard count != 0 else { return }
        unsent.change(by: count)
        buffers.change(by: count)
    }

    func join() {
        unsent.join()
        buffers.join()
    }

    func leave() {
        unsent.leave()
        buffers.leave()
    }

    /// So many more are too many for the tenant or the server, and a connection for which `own` bytes wait has more
    /// than its share of them: those that read go on.
    func isPassed(by count: Int = 0, own: Int) -> Bool {
        unsent.isPassed(by: count, own: own) || buffers.isPassed(by: count, own: own)
    }
}
