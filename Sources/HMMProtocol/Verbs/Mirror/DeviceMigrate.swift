/// `dev.migrate`: the device's driver moves pages of its mirror.
public struct DeviceMigrate: Verb {
    public var mirror: UInt32
    public var to: MigrateTarget
    public var extent: Extent

    public static let spec = VerbSpec(
        "dev.migrate", .mirror, "Move the pages of a range to the mirror's device, or from it to system memory.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
            .init("to", .choice(MigrateTarget.words), .required, "where pages go"),
        ],
        rows: Moves.rows,
        reply: Moves.counts + [
            .init("served", "with `to=device`: pages that the mirror's table translates afterwards")
        ] + Invalidating.round(),
        errors: [.noMirror, .denied, .fenced, .exited, .notMapped, .stayed, .timeout, .cancelled],
        kernel: "HMM_DMIRROR_MIGRATE_TO_DEV and HMM_DMIRROR_MIGRATE_TO_SYS of lib/test_hmm.c", gate: .devicePrivate)

    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
        to = a.choice(3, default: .device)
    }
}

/// Where the pages of a mirror go.
public enum MigrateTarget: UInt8, Sendable, CaseIterable {
    /// To the memory of the mirror's device.
    case device
    /// To system memory.
    case system

    /// In the order of the cases.
    static let words = ["device", "system"]
}
