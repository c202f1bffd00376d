/// `hmm.migrate-vma`: `migrate` with the name of 2017.
public struct MigrateVma: Verb {
    public var space: UInt32
    /// `.none` means system memory.
    public var destination: ShortName
    public var extent: Extent

    public static let spec = VerbSpec(
        "hmm.migrate-vma", .legacy, "Move the pages of a range to a device or to system memory, as `migrate` does.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
            .init("to", .name, .required, "a device, or `system`"),
        ],
        rows: Moves.rows,
        reply: Moves.counts + Invalidating.round(),
        errors: [.noSpaceID, .noDevice, .notMapped, .timeout, .cancelled],
        kernel: "migrate_vma() of 2017", gate: .devicePrivate)

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
        destination = a.name == ShortName("system") ? .none : a.name
    }
}
