/// `mmap`: a new area of private anonymous memory.
public struct Mmap: Verb {
    public var space: UInt32
    /// Nil lets the server choose.
    public var va: UInt64?
    public var length: UInt64
    public var protection: ProtectionBits

    public static let spec = VerbSpec(
        "mmap", .memory, "Map private anonymous memory; without `va` the server chooses the place.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .optional, "where; it must be free"),
            .init("len", .length, .required, "how much, rounded up to pages"),
            .init("prot", .protection, .defaulted("rw"), "access the CPU and devices get"),
        ],
        reply: [
            .init("va", "start"), .init("len", "length in bytes"), .init("prot", "protection"),
        ],
        errors: [.noSpaceID, .exists, .permission, .outOfMemory, .limit, .cancelled],
        kernel: "mmap(2), MAP_PRIVATE|MAP_ANONYMOUS")

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        va = a.optional(1)
        length = a.number(2)
        _ = try Extent(checking: va ?? 0, length)
        protection = ProtectionBits(rawValue: UInt8(truncatingIfNeeded: a.number(3, default: 3)))
    }
}
