/// `migrate`: moves pages between system memory and a device.
public struct Migrate: Verb {
    public var space: UInt32
    public var extent: Extent
    /// `.none` means system memory.
    public var destination: ShortName
    /// Only pages of this device move back; `.none` means every device's.
    public var source: ShortName

    public static let spec = VerbSpec(
        "migrate", .mirror, "Move the pages of a range to a device or to system memory, as many as can move.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
            .init("to", .name, .required, "a device, or `system`"),
            .init("from", .name, .optional, "with `to=system`: only pages of this device"),
        ],
        rows: [
            .init("va", "address of the first page of a run with equal outcome"),
            .init("pages", "length of the run"),
            .init("result", "`moved` or `stayed`"),
            .init("kind", "where moved pages are now: `private` or `ram`"),
            .init("pfn", "page frame numbers of moved pages, as in `fault`"),
            .init(
                "reason", "why pages stayed: `no-space`, `already-there`, `other-device`, `in-system-memory`, `empty`"),
        ],
        reply: [
            .init("moved", "pages that moved"), .init("stayed", "pages that stayed"),
            .init("acked", "mirrors that let go, counted once for each announcement"),
            .init("fenced", "mirrors fenced because their lease ran out"),
            .init("seq", "sequence of the address space afterwards"),
        ],
        errors: [.noSpaceID, .noDevice, .notMapped, .timeout, .cancelled],
        kernel: "migrate_vma_setup(), _pages(), _finalize(); migrate_vma() of 2017")

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
        let system = ShortName("system")
        destination = a.name == system ? ShortName.none : a.name
        source = a.secondName
        guard source.isEmpty || destination.isEmpty else {
            throw Failure(.badArgument, "`from` goes with `to=system` only")
        }
    }
}
