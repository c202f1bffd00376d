internal import HMMMemory

/// An invalidation that waits for mirrors. Kernel: from mmu_notifier_invalidate_range_start() to its return.
struct Round: Equatable {
    struct Waiting: Equatable {
        let mirror: MirrorID
        let connection: ConnectionID
        let event: UInt64
        /// When the lease ends; nil when the address space waits for ever.
        let deadline: Instant?
        /// When a `lease` warning is due; nil when sent or not wanted.
        var warning: Instant?
    }

    let invalidation: Invalidation
    /// Mirrors of 2017, which are told when it is over.
    var updates: [MirrorID] = []
    var waiting = WaitingMirrors()

    /// The next time something is due.
    var nextDeadline: Instant? {
        var next: Instant?
        for entry in waiting.entries {
            for time in [entry.deadline, entry.warning] {
                if let time, next.map({ time < $0 }) ?? true { next = time }
            }
        }
        return next
    }
}
