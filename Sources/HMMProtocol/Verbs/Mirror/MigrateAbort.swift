/// `migrate.abort`: a migration ends and nothing has moved.
public struct MigrateAbort: Verb {
    public var migration: UInt32

    public static let spec = VerbSpec(
        "migrate.abort", .mirror, "End a migration without moving anything.",
        arguments: [.init("migration", .id, .required, "number of the migration")],
        reply: [.init("pages", "pages that can be used again")],
        errors: [.noMigration], kernel: "migrate_vma_finalize() without destinations")

    init(_ a: borrowing Arguments) { migration = a.id(0) }
}
