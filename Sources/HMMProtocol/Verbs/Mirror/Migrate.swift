/// `migrate`: moves pages between system memory and a device, or between devices.
public struct Migrate: Verb {
    public var space: UInt32
    public var extent: Extent
    /// `.none` means system memory.
    public var destination: ShortName
    /// Only pages of this device move; `.none` means every device's back to system memory, and none to another device.
    public var source: ShortName

    public static let spec = VerbSpec(
        "migrate", .mirror, "Move the pages of a range to a device or to system memory, as many as can move.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
            .init("to", .name, .required, "a device, or `system`"),
            .init("from", .name, .optional, "only pages of this device"),
        ],
        rows: Moves.rows,
        reply: Moves.counts + Invalidating.round(),
        errors: [.noSpaceID, .noDevice, .notMapped, .timeout, .cancelled],
        kernel: "migrate_vma_setup(), _pages(), _finalize(); migrate_vma() of 2017", gate: .devicePrivate)

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
        let system = ShortName("system")
        destination = a.name == system ? ShortName.none : a.name
        source = a.secondName
    }
}
