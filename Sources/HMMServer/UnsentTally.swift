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

    init(_ policy: TenantPolicy) { bound = Atomic(Self.bound(policy)) }

    private static func bound(_ policy: TenantPolicy) -> Int {
        Int(clamping: policy.quota[.unsentBytes].hard ?? .max)
    }

    func adopt(_ policy: TenantPolicy) { bound.store(Self.bound(policy), ordering: .relaxed) }

    func change(by count: Int) {
        if count != 0 { bytes.wrappingAdd(count, ordering: .relaxed) }
    }

    func join() { readers.wrappingAdd(1, ordering: .relaxed) }
    func leave() { readers.wrappingSubtract(1, ordering: .relaxed) }

    /// So many more are too many, and a connection for which `own` bytes wait has more than its share of them: those
    /// that read go on.
    func isPassed(by count: Int = 0, own: Int) -> Bool {
        let bound = bound.load(ordering: .relaxed)
        guard bound != .max, bytes.load(ordering: .relaxed) + count > bound else { return false }
        return own + count > bound / max(1, readers.load(ordering: .relaxed))
    }
}
