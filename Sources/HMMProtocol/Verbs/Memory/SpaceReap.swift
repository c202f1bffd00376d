/// `mm.reap`: memory of an address space is taken away without waiting for anyone.
public struct SpaceReap: Verb {
    public var space: UInt32

    public static let spec = VerbSpec(
        "mm.reap", .memory,
        "Take private memory away, area by area, where no mirror has to be waited for, as when memory has run out.",
        arguments: [.init("mm", .id, .required, "address space")],
        rows: [
            .init("va", "start of an area"), .init("len", "its length"),
            .init("result", "`reaped`, or `skipped` where a mirror acknowledges by hand"),
        ],
        reply: [
            .init("pages", "pages that had memory behind them"), .init("skipped", "areas that were skipped"),
            .init("acked", "mirrors that let go, counted once for each announcement"),
        ],
        errors: [.noSpaceID, .cancelled],
        kernel: "the OOM reaper: __oom_reap_task_mm(), mmu_notifier_invalidate_range_start_nonblock()")

    init(_ a: borrowing Arguments) { space = a.id(0) }
}
