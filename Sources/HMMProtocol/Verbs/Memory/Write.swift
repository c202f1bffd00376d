/// `write`: the CPU stores to memory.
public struct Write: Verb {
    public var space: UInt32
    /// What to store instead of `data`; `length` is there with it.
    public var pattern: Pattern?
    /// Every page is tried on its own; a fault does not end it.
    public var each: Bool
    public var va: UInt64
    public var data: [UInt8]
    /// Nil means the length of `data`.
    public var length: UInt64?

    public static let spec = VerbSpec(
        "write", .memory, "CPU store; pages of private device memory come back to system memory first.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .address, .required, "start"),
            StoredBytes.data, StoredBytes.length, Pattern.argument,
            .init("each", .flag, .defaulted("no"), "with `pattern`: `yes` tries every page, whatever faults"),
        ],
        rows: [
            .init("va", "with `each=yes`: address of the first page of a run with equal outcome"),
            .init("pages", "length of the run"), .init("done", "`yes` where it has been written"),
            .init("fault", "`SEGV` or `BUS` where it has not"),
        ],
        reply: [.init("n", "number of bytes"), .init("faults", "with `each=yes`: pages that could not be written")],
        errors: [.noSpaceID, .notMapped, .busError, .permission, .limit, .timeout, .cancelled],
        kernel: "store; handle_mm_fault(), dev_pagemap_ops.migrate_to_ram()")

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        va = a.number(1)
        each = a.flag(5)
        data = a.data
        pattern = a.pattern(4)
        length = a.optional(3)
        try StoredBytes.check(hasData: a.has(2), pattern, length)
        if let length { _ = try Extent(checking: va, length) }
        guard !each || pattern != nil else { throw Failure(.badArgument, "`each=yes` goes with `pattern` only") }
    }
}
