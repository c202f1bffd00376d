/// `mm.drop`: the end of an address space.
public struct SpaceDrop: Verb {
    public var space: UInt32

    public static let spec = VerbSpec(
        "mm.drop", .memory, "End an address space: its mirrors are told, its memory is freed.",
        arguments: [.init("mm", .id, .required, "address space")],
        reply: Invalidating.keys("pages freed", spaceRemains: false),
        errors: [.noSpaceID, .timeout, .cancelled], kernel: "exit_mmap(), MMU_NOTIFY_RELEASE then MMU_NOTIFY_UNMAP")

    init(_ a: borrowing Arguments) { space = a.id(0) }
}
