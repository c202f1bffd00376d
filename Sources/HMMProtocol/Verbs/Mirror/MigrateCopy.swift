/// `migrate.copy`: pages get new page frames and their contents.
public struct MigrateCopy: Verb {
    public var migration: UInt32
    /// Nil, with `length`, means all of the migration.
    public var va: UInt64?
    /// In bytes, whole pages.
    public var length: UInt64?

    public static let spec = VerbSpec(
        "migrate.copy", .mirror, "Allocate page frames at the goal and copy what a migration has collected.",
        arguments: [
            .init("migration", .id, .required, "number of the migration"),
            .init("va", .page, .optional, "start; absent: all that has not been copied"),
            .init("len", .pages, .optional, "with `va`: length"),
        ],
        rows: [
            .init("va", "address of the first page of a run with equal outcome"), .init("pages", "length of the run"),
            .init("result", "`copied` or `no-space`"), .init("pfn", "new page frame numbers, as in `fault`"),
        ],
        reply: [.init("copied", "pages copied")],
        errors: [.noMigration, .state, .limit],
        kernel: "alloc_and_copy() of a driver between migrate_vma_setup() and migrate_vma_pages()")

    init(_ a: borrowing Arguments) throws(Failure) {
        migration = a.id(0)
        va = a.optional(1)
        length = a.optional(2)
        try Extent.check(va, length)
    }
}
