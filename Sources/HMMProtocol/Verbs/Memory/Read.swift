/// `read`: the CPU loads from memory.
public struct Read: Verb {
    public var space: UInt32
    public var form: DataForm
    /// Every page is tried on its own; a fault does not end it.
    public var each: Bool
    public var extent: Extent

    public static let spec = VerbSpec(
        "read", .memory, "CPU load; pages of private device memory come back to system memory first.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .address, .required, "start"),
            .init(
                "len", .length, .required, "bytes, at most one literal; with `as=pages` and `as=ints` at will"),
            DataForm.argument,
            .init("each", .flag, .defaulted("no"), "with `as=pages`: `yes` tries every page, whatever faults"),
        ],
        rows: DataForm.rows(each: true),
        reply: [.init("n", "number of bytes"), .init("faults", "with `each=yes`: pages that could not be read")],
        errors: [.noSpaceID, .notMapped, .busError, .limit, .timeout, .cancelled],
        kernel: "load; handle_mm_fault(), dev_pagemap_ops.migrate_to_ram()")

    @inline(__always)
    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
        form = a.choice(3, default: .automatic)
        each = a.flag(4)
        try form.check(extent.va, extent.length)
        guard !each || form == .pages else { throw Failure(.badArgument, "`each=yes` goes with `as=pages` only") }
    }
}
