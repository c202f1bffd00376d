/// `pagemap`: the CPU's page table, as root sees it.
public struct Pagemap: Verb {
    public var space: UInt32
    public var extent: Extent

    public static let spec = VerbSpec(
        "pagemap", .memory, "Show the CPU's page table of a range without changing anything.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .required, "start"),
            .init("len", .length, .required, "how much, rounded up to pages"),
        ],
        rows: [
            .init("va", "address of the first page of a run of pages with equal state"),
            .init("pages", "length of the run"),
            .init("kind", "`none`, `zero`, `ram`, `private`, `coherent`, `exclusive` or `migrating`"),
            .init("perm", "`r` or `rw`, as the entry says"),
            .init("present", "`yes` where the CPU can access without a fault"),
            .init("dev", "device whose memory it is"),
            .init("order", "`9` where one entry maps 2 MiB; absent for 0"),
            .init("pfn", "page frame numbers of the run, as in `fault`"),
            .init("maps", "mappings of each page frame"), .init("refs", "references to each page frame"),
        ],
        reply: [.init("rows", "number of rows")],
        errors: [.noSpaceID, .limit, .cancelled], kernel: "/proc/PID/pagemap, /proc/kpagecount", roles: .all)

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
    }
}
