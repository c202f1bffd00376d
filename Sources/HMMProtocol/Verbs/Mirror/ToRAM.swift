/// `to-ram`: the answer to a `to-ram` event, which waits for a CPU that needs a page of the device.
public struct ToRAM: Verb {
    public var event: UInt64
    /// Nil, with `length`, means the page of the event.
    public var va: UInt64?
    /// In bytes, whole pages.
    public var length: UInt64?

    public static let spec = VerbSpec(
        "to-ram", .mirror, "Answer a `to-ram` event: say which pages come back to system memory.",
        arguments: [
            .init("event", .number, .required, "number of a `to-ram` event of this connection"),
            .init("va", .page, .optional, "start of a range with the event's page in it; absent: that page only"),
            .init("len", .pages, .optional, "with `va`: length"),
        ],
        reply: [.init("moved", "pages that moved to system memory")],
        errors: [.noEvent, .notMapped, .limit, .timeout, .cancelled],
        kernel: "dev_pagemap_ops.migrate_to_ram()")

    init(_ a: borrowing Arguments) throws(Failure) {
        event = a.number(0)
        va = a.optional(1)
        length = a.optional(2)
        try Extent.check(va, length)
    }
}
