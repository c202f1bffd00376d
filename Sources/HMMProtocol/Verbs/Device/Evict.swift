/// `evict`: device memory is emptied, page frame by page frame, whichever address space has it.
public struct Evict: Verb {
    /// All memory of this device; `.none` when a region or page frames are named.
    public var device: ShortName
    public var region: UInt32?
    /// First page frame; `count` is there with it.
    public var pfn: UInt64?
    public var count: UInt64?

    public static let spec = VerbSpec(
        "evict", .device,
        "Move what page frames of a device hold to system memory: those of a device, of a region, or `count` from `pfn`.",
        arguments: [
            .init("dev", .name, .optional, "device, all of its memory"),
            .init("region", .id, .optional, "region, all of it"),
            .init("pfn", .number, .optional, "first page frame number"),
            .init("count", .number, .optional, "with `pfn`: how many page frames"),
        ],
        rows: [
            .init("pfn", "first page frame number of a run with equal outcome"), .init("pages", "length of the run"),
            .init("result", "`moved` or `stayed`"), .init("reason", Moves.reason),
        ],
        reply: Moves.counts + Invalidating.round(spaceRemains: false),
        errors: [.noDevice, .noRegion, .outOfMemory, .limit, .timeout, .cancelled],
        kernel: "migrate_device_range(), _pages(), _finalize(); HMM_DMIRROR_RELEASE of lib/test_hmm.c",
        gate: .devicePrivate)

    init(_ a: borrowing Arguments) throws(Failure) {
        device = a.name
        region = a.has(1) ? a.id(1) : nil
        pfn = a.optional(2)
        count = a.optional(3)
        let ways = (a.has(0) ? 1 : 0) + (a.has(1) ? 1 : 0) + (a.has(2) || a.has(3) ? 1 : 0)
        guard ways < 2 else { throw Failure(.badArgument, "`dev`, `region` and `pfn` exclude each other") }
        guard ways == 1 else { throw Failure(.missing, "`dev`, `region` or `pfn` has to say what to evict") }
        guard a.has(2) == a.has(3) else {
            if a.has(2) { throw .missing("count", with: "pfn") }
            throw .missing("pfn", with: "count")
        }
        guard let pfn, let count else { return }
        guard count > 0 else { throw Failure(.badArgument, "`count` must be at least 1") }
        try FrameRange.check(pfn, count: count)
    }
}
