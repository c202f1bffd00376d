/// `read`: the CPU loads from memory.
public struct Read: Verb {
    public var space: UInt32
    public var extent: Extent
    public var form: DataForm

    public static let spec = VerbSpec(
        "read", .memory, "CPU load; pages of private device memory come back to system memory first.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .address, .required, "start"),
            .init("len", .length, .required, "bytes, at most one literal"),
            DataForm.argument,
        ],
        rows: [.init("data", "the bytes")],
        reply: [.init("n", "number of bytes")],
        errors: [.noSpaceID, .notMapped, .limit, .timeout, .cancelled],
        kernel: "load; handle_mm_fault(), dev_pagemap_ops.migrate_to_ram()")

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
        form = a.choice(3, default: .automatic)
    }
}

/// How an answer shows bytes.
public enum DataForm: UInt8, Sendable, CaseIterable {
    /// Quoted up to 64 bytes, a literal above.
    case automatic
    case quoted
    case hex
    case literal

    static let argument = ArgumentSpec(
        "as", .choice(["auto", "quoted", "hex", "literal"]), .defaulted("auto"),
        "how the answer shows the bytes; `auto`: quoted up to 64 of them, a literal above")
}
