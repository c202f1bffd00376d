/// `exclusive.held`: what is left of an `exclusive`.
public struct ExclusiveHeld: Verb {
    public var mirror: UInt32
    public var extent: Extent

    public static let spec = VerbSpec(
        "exclusive.held", .mirror, "Count the pages of a range that the mirror's table still holds exclusively.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
        ],
        reply: [.init("held", "number of pages")],
        errors: [.noMirror, .denied, .fenced, .exited],
        kernel: "HMM_DMIRROR_CHECK_EXCLUSIVE of lib/test_hmm.c", export: .gpl, gate: .hmmMirror)

    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
    }
}
