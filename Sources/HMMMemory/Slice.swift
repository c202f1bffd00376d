/// How long operations are cut up: they count what they do, in units of some ten nanoseconds, and stop when their slice
/// is spent. Counted and not timed, so that equal inputs are cut at equal places.
public enum Slice {
    /// An entry of a page table looked at or changed.
    static let entry: UInt64 = 1
    /// A page copied, filled or read.
    static let page: UInt64 = 64
    /// A mirror told of something, or kept right.
    public static let mirror: UInt64 = 16
    /// An announcement, whoever hears of it.
    static let announcement: UInt64 = 32
    /// 2 MiB got from the operating system, or given back.
    static let section: UInt64 = 16384
    /// A request that waited goes on: what that takes beside its work.
    public static let request: UInt64 = 256
}

extension Machine {
    /// Lets the steps from now on do work of `units` before they say that there is more.
    @inline(__always)
    public mutating func beginSlice(_ units: UInt64) { sliceEnd = spent &+ units }

    /// Work done so far.
    @inline(__always)
    public var spent: UInt64 { counted &+ physical.spent }

    /// Steps have to stop where they can.
    @inline(__always)
    public var isSliceSpent: Bool { spent >= sliceEnd }

    @inline(__always)
    public mutating func spend(_ units: UInt64) { counted &+= units }

    /// An answer of so many bytes has been written.
    public mutating func spend(answerOf bytes: Int) { spend(UInt64(bytes) / 2) }

    /// Entries that a loop may pass over before it has to look at the slice again.
    @inline(__always)
    var entriesLeft: UInt64 { spent < sliceEnd ? max(512, (sliceEnd - spent) / Slice.entry) : 512 }
}
