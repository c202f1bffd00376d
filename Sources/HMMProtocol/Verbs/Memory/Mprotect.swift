/// `mprotect`: other protection for a range.
public struct Mprotect: Verb {
    public var space: UInt32
    public var extent: Extent
    public var protection: ProtectionBits

    public static let spec = VerbSpec(
        "mprotect", .memory, "Change the protection of a mapped range; what lies before a hole is changed.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .required, "start"),
            .init("len", .length, .required, "how much, rounded up to pages"),
            .init("prot", .protection, .required, "access the CPU and devices get"),
        ],
        reply: Invalidating.keys("resident pages whose permission changed"),
        errors: [.noSpaceID, .notMapped, .limit, .timeout, .cancelled], kernel: "mprotect(2), MMU_NOTIFY_PROTECTION_VMA"
    )

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
        protection = ProtectionBits(rawValue: UInt8(truncatingIfNeeded: a.number(3)))
    }
}
