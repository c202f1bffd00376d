/// `madvise`: what a range is going to be used for.
public struct Madvise: Verb {
    public var space: UInt32
    public var extent: Extent
    public var advice: Advice

    public static let spec = VerbSpec(
        "madvise", .memory, "Give advice about a range; what lies beside holes is treated all the same.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .required, "start"),
            .init("len", .length, .required, "how much, rounded up to pages"),
            .init("advice", .choice(Advice.words), .required, "the advice"),
        ],
        reply: Invalidating.keys("pages it had an effect on"),
        errors: [
            .noSpaceID, .notMapped, .advice, .permission, .busError, .outOfMemory, .limit, .timeout, .cancelled,
        ],
        kernel: "madvise(2), the MADV_ constant of the same name")

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
        advice = a.choice(3, default: .dontNeed)
    }
}

/// Advice of madvise(2); each case is the MADV_ constant of that name.
public enum Advice: UInt8, Sendable, CaseIterable {
    case dontNeed
    case free
    case remove
    case hugePage
    case noHugePage
    case collapse
    case dontFork
    case doFork
    case wipeOnFork
    case keepOnFork
    case cold
    case pageOut
    case populateRead
    case populateWrite

    /// In the order of the cases.
    static let words = [
        "dontneed", "free", "remove", "hugepage", "nohugepage", "collapse", "dontfork", "dofork", "wipeonfork",
        "keeponfork", "cold", "pageout", "populate-read", "populate-write",
    ]

    /// As a client writes it.
    public var word: String { Self.words[Int(rawValue)] }
}
