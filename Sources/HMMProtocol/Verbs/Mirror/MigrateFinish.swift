/// `migrate.finish`: what has been copied takes the place of what was there.
public struct MigrateFinish: Verb {
    public var migration: UInt32

    public static let spec = VerbSpec(
        "migrate.finish", .mirror, "End a migration: copied pages have moved, the others are as before.",
        arguments: [.init("migration", .id, .required, "number of the migration")],
        rows: Moves.rows,
        reply: Moves.counts + Invalidating.round(),
        errors: [.noMigration, .state, .timeout, .cancelled],
        kernel: "migrate_vma_pages(), migrate_vma_finalize()")

    init(_ a: borrowing Arguments) { migration = a.id(0) }
}
