/// What work that waits for mirrors is going to take: set aside before it announces anything, so that it cannot run out
/// of it afterwards, whatever others take meanwhile.
struct Promise: Equatable, Sendable {
    /// Page frames.
    var frames: UInt64 = 0
    /// Nodes of page tables.
    var nodes: UInt64 = 0
    /// Huge pages that areas of `kind=hugetlb` are going to reserve.
    var hugePages: UInt64 = 0
}

extension Machine {
    public var framesPromised: UInt64 { physical.promised }

    /// Sets aside what `promise` says; false, with nothing set aside, when there is less.
    mutating func give(_ promise: Promise) -> Bool {
        guard promise.frames <= framesFree, promise.nodes <= tableNodes.free,
            promise.hugePages == 0 || hugePagesReserved + promise.hugePages <= hugePages
        else { return false }
        setAside(promise)
        return true
    }

    /// Sets it aside, whatever there is.
    mutating func setAside(_ promise: Promise) {
        physical.promised += promise.frames
        tableNodes.promised += promise.nodes
        hugePagesReserved += promise.hugePages
    }

    /// What was set aside has been taken, or is not needed any more.
    mutating func takeBack(_ promise: inout Promise) {
        physical.promised -= promise.frames
        tableNodes.promised -= promise.nodes
        hugePagesReserved -= promise.hugePages
        promise = Promise()
    }

    /// Frames and nodes that are set aside.
    package var promised: UInt64 { physical.promised + tableNodes.promised }

    /// Frames that may still be taken.
    public var framesFree: UInt64 {
        let taken = physical.used + physical.promised
        return physical.limit > taken ? physical.limit - taken : 0
    }
}
