/// `write`: the CPU stores to memory.
public struct Write: Verb {
    public var space: UInt32
    public var va: UInt64
    public var data: [UInt8]
    /// Nil means the length of `data`.
    public var length: UInt64?

    public static let spec = VerbSpec(
        "write", .memory, "CPU store; pages of private device memory come back to system memory first.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .address, .required, "start"),
            .init("data", .data, .required, "the bytes"),
            .init("len", .length, .optional, "bytes to store, `data` repeated as needed; absent: as long as `data`"),
        ],
        reply: [.init("n", "number of bytes")],
        errors: [.noSpaceID, .notMapped, .permission, .limit, .timeout, .cancelled],
        kernel: "store; handle_mm_fault(), dev_pagemap_ops.migrate_to_ram()")

    init(_ a: borrowing Arguments) {
        space = a.id(0)
        va = a.number(1)
        data = a.data
        length = a.optional(3)
    }
}
