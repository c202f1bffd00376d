/// A device's view of a range of an address space: the subscription to its invalidations, and the device's page table.
/// Kernel: `struct mmu_interval_notifier` with a driver's shadow page table; `struct hmm_mirror` of 2017.
public struct Mirror: ~Copyable {
    public let space: SpaceID
    public let device: DeviceID
    /// The group of the device.
    let group: UInt32
    public let range: PageRange
    /// The sequence of the last invalidation it was told of; always odd. Kernel: interval_sub->invalidate_seq.
    public internal(set) var sequence: UInt64
    /// Pages that an invalidation takes beyond its range.
    let reach: UInt64
    /// What the device can translate. Every entry was true when installed and no invalidation has overlapped it since.
    /// An `exclusive` entry is one the device alone may use.
    public internal(set) var table: PageTable

    /// The device forgets its translations of `range`, as its driver's callback does.
    mutating func forget(_ range: PageRange) {
        let reached = PageRange(range.start, range.end < AddressSpace.highest ? range.end + reach : range.end)
        table.removeAll(reached.clamped(to: self.range)) { _, _ in }
    }
}
