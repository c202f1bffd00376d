/// `munmap`: what is mapped in a range goes away, once every mirror of it has let go.
public struct Munmap: Verb {
    public var space: UInt32
    public var extent: Extent

    public static let spec = VerbSpec(
        "munmap", .memory, "Unmap a range; it completes when every overlapping mirror has acknowledged.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .required, "start"),
            .init("len", .length, .required, "how much, rounded up to pages; holes are fine"),
        ],
        reply: Invalidating.keys("pages freed"),
        errors: [.noSpaceID, .limit, .timeout, .cancelled], kernel: "munmap(2), MMU_NOTIFY_UNMAP")

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
    }
}
