/// One process address space: its areas, its page table, and the sequence that tells mirrors of change.
/// Kernel: `struct mm_struct` and its `struct mmu_notifier_subscriptions`.
public struct AddressSpace: ~Copyable {
    /// The lowest page that can be mapped. Kernel: vm.mmap_min_addr.
    public static let lowest = Page(number: 16)
    /// One past the highest page. Kernel: TASK_SIZE.
    public static let highest = Page(number: 0x7fff_ffff_f)
    /// All of it, as the events of its end name it.
    public static let everything = PageRange(Page(number: 0), highest)

    public internal(set) var areas = AreaMap()
    public internal(set) var table: PageTable
    /// Pages with a frame behind them, on any device or none. Kernel: RSS.
    public internal(set) var resident: UInt64 = 0
    /// Odd while an invalidation that some mirror overlaps is running. Kernel: invalidate_seq.
    public internal(set) var sequence: UInt64 = 2
    /// Invalidations begun and not ended. Kernel: active_invalidate_ranges.
    public internal(set) var activeInvalidations = 0
    /// Its mirrors, by what they mirror.
    var mirrors = MirrorIndex()

    init(_ budget: NodeBudget) { table = PageTable(budget, mayForget: false) }
}
