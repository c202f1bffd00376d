/// `mm.fork`: a copy of an address space.
public struct SpaceFork: Verb {
    public var space: UInt32

    public static let spec = VerbSpec(
        "mm.fork", .memory,
        "Copy an address space; private pages are shared until one side writes, and mirrors are not copied.",
        arguments: [.init("mm", .id, .required, "address space")],
        reply: [.init("mm", "number of the copy")] + Invalidating.round(),
        errors: [.noSpaceID, .limit, .timeout, .cancelled], kernel: "fork(2), dup_mmap(); MMU_NOTIFY_PROTECTION_PAGE")

    init(_ a: borrowing Arguments) { space = a.id(0) }
}
