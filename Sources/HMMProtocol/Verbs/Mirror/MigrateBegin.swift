/// `migrate.begin`: the first of the steps of a move that the client makes itself.
public struct MigrateBegin: Verb {
    public var mirror: UInt32
    public var to: MigrateTarget
    /// Nil leaves it to the target: what is not there yet.
    public var select: Selection?
    public var extent: Extent

    public static let spec = VerbSpec(
        "migrate.begin", .mirror,
        "Collect and isolate the pages of a range that can move; until the end nobody else can use them.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
            .init("to", .choice(MigrateTarget.words), .required, "where pages are to go"),
            .init(
                "select", .choices(["system", "private", "coherent"]), .optional,
                "memory that pages are taken from; absent: any that is not the goal"),
        ],
        rows: [
            .init("va", "address of the first page of a run of pages with equal state"),
            .init("pages", "length of the run"),
            .init("src", "what is there: `hole`, `ram`, `private`, `coherent`, or `none` where nothing can move"),
            .init("reason", Moves.reason), .init("perm", "`r` or `rw`"),
            .init("pfn", "page frame numbers of the run, as in `fault`"),
        ],
        reply: [.init("migration", "its number"), .init("candidates", "pages that can move, holes included")]
            + Invalidating.keys("pages of the range"),
        errors: [.noMirror, .denied, .fenced, .exited, .notMapped, .limit, .timeout, .cancelled],
        kernel: "migrate_vma_setup()", gate: .devicePrivate)

    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
        to = a.choice(3, default: .device)
        select = a.has(4) ? Selection(rawValue: UInt8(truncatingIfNeeded: a.number(4))) : nil
    }
}

/// The memory that a migration takes pages from. Kernel: MIGRATE_VMA_SELECT_SYSTEM and so on.
public struct Selection: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let system = Selection(rawValue: 1)
    public static let `private` = Selection(rawValue: 2)
    public static let coherent = Selection(rawValue: 4)
}
