/// `hmm.mirror-unregister`: the end of a mirror, as in 2017.
public struct MirrorUnregister: Verb {
    public var mirror: UInt32

    public static let spec = VerbSpec(
        "hmm.mirror-unregister", .legacy, "End a mirror made by `hmm.mirror-register`.",
        arguments: [.init("mirror", .id, .required, "mirror of this connection")],
        errors: [.noMirror, .denied], kernel: "hmm_mirror_unregister() of 2017")

    init(_ a: borrowing Arguments) { mirror = a.id(0) }
}
