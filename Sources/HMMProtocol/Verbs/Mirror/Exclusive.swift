/// `exclusive`: only the device may access the pages of a range, until somebody else needs them.
public struct Exclusive: Verb {
    public var mirror: UInt32
    public var extent: Extent

    public static let spec = VerbSpec(
        "exclusive", .mirror,
        "Let only the device access the pages of a range; the CPU, or another device, ends that when it needs one.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
        ],
        reply: Invalidating.keys("pages the device has for itself"),
        errors: [
            .noMirror, .denied, .fenced, .exited, .notMapped, .busError, .permission, .notExclusive, .limit, .timeout,
            .cancelled,
        ],
        kernel: "make_device_exclusive(), MMU_NOTIFY_EXCLUSIVE; HMM_DMIRROR_EXCLUSIVE of lib/test_hmm.c",
        export: .gpl, gate: .hmmMirror)

    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
    }
}
