/// `mremap`: what is mapped in a range gets another place or another length.
public struct Mremap: Verb {
    public var space: UInt32
    public var va: UInt64
    /// In bytes; 0 means a second mapping of the shared memory there.
    public var length: UInt64
    /// Where it goes, in place of what is there; nil leaves it where it is if it can stay.
    public var to: UInt64?
    /// In bytes; nil means the length it has.
    public var newLength: UInt64?
    /// The old area stays mapped, without its pages.
    public var dontUnmap: Bool
    public var mayMove: Bool

    public static let spec = VerbSpec(
        "mremap", .memory,
        "Move or resize what is mapped in a range; without `to` it moves only when it has to grow and cannot.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .required, "start"),
            .init(
                "len", .number, .required,
                "its length, rounded up to pages; 0: what is shared there is mapped a second time"),
            .init("to", .page, .optional, "where it goes; what is there is unmapped first"),
            .init("new-len", .length, .optional, "the length it gets, rounded up to pages; absent: the old one"),
            .init("dontunmap", .flag, .defaulted("no"), "`yes`: the old area stays mapped, and empty"),
            .init("move", .flag, .defaulted("yes"), "`no`: fail rather than move"),
        ],
        reply: [.init("va", "start"), .init("len", "length in bytes")] + Invalidating.round(),
        errors: [.noSpaceID, .notMapped, .outOfMemory, .limit, .timeout, .cancelled],
        kernel: "mremap(2): MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP")

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        va = a.number(1)
        length = a.number(2)
        to = a.optional(3)
        newLength = a.optional(4)
        dontUnmap = a.flag(5)
        mayMove = !a.has(6) || a.flag(6)
        try check()
    }

    /// What mremap(2) refuses with EINVAL whatever is mapped.
    private func check() throws(Failure) {
        // With `len=0` what is at `va` is mapped a second time.
        _ = try Extent(checking: va, max(length, 1))
        guard length > 0 || newLength != nil else { throw .missing("new-len", with: "len=0") }
        // Without `to` it may go anywhere, so only the length can be judged.
        _ = try Extent(checking: to ?? 0, newLength ?? length)
        if dontUnmap {
            guard Self.roundedUp(newLength ?? length) == Self.roundedUp(length) else {
                throw Failure(.badArgument, "`new-len` must be the old length with `dontunmap=yes`")
            }
            guard mayMove else { throw Failure(.badArgument, "`dontunmap=yes` and `move=no` exclude each other") }
        }
        guard to == nil || mayMove else { throw Failure(.badArgument, "`to` and `move=no` exclude each other") }
    }

    /// To whole pages; the address space ends at one, so a range within it stays so.
    private static func roundedUp(_ length: UInt64) -> UInt64 { (length + 4095) & ~4095 }
}
