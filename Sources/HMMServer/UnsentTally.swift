internal import HMMEngine
internal import HMMProtocol
internal import Synchronization

/// Bytes of one tenant that wait for its clients to read, in mailboxes and before sockets, on all event loops.
final class UnsentTally: Sendable {
    private let bytes = Atomic<Int>(0)
    /// Connections of the tenant.
    private let readers = Atomic<Int>(0)
    /// Most that may wait; `.max` bounds nothing.
    private let bound: Atomic<Int>
    private let watched: Atomic<Bool>
    /// Where they count with all else that waits.
    private let buffers: TenantBuffers

    init(_ policy: TenantPolicy, _ buffers: TenantBuffers) {
        self.buffers = buffers
        bound = Atomic(Self.bound(policy))
        watched = Atomic(Self.isBounded(policy))
    }

    private static func isBounded(_ policy: TenantPolicy) -> Bool { policy.quota[.unsentBytes] != Quota.Bound() }

    private static func bound(_ policy: TenantPolicy) -> Int {
        Int(clamping: policy.quota[.unsentBytes].hard ?? .max)
    }

    func adopt(_ policy: TenantPolicy) {
        bound.store(Self.bound(policy), ordering: .relaxed)
        watched.store(Self.isBounded(policy), ordering: .relaxed)
    }

    /// The quota has a bound for it, hard or soft: the engine wants to know.
    @inline(__always)
    var isWatched: Bool { watched.load(ordering: .relaxed) }

    var count: UInt64 { UInt64(clamping: bytes.load(ordering: .relaxed)) }

    func change(by count: Int) {
        guard count != 0 else { return }
        bytes.wrappingAdd(count, ordering: .relaxed)
        buffers.change(by: count)
    }

    func join() { readers.wrappingAdd(1, ordering: .relaxed) }
    func leave() { readers.wrappingSubtract(1, ordering: .relaxed) }

    /// So many more are too many for the tenant or the server, and a connection for which `own` bytes wait has more
    /// than its share of them: those that read go on.
    func isPassed(by count: Int = 0, own: Int) -> Bool {
        let bound = bound.load(ordering: .relaxed)
        guard bound != .max, bytes.load(ordering: .relaxed) + count > bound else {
            return buffers.isPassed(by: count, own: own)
        }
        return own + count > bound / max(1, readers.load(ordering: .relaxed))
    }
}
