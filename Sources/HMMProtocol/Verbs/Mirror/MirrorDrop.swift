/// `mirror.drop`: the end of a mirror.
public struct MirrorDrop: Verb {
    public var mirror: UInt32

    public static let spec = VerbSpec(
        "mirror.drop", .mirror,
        "End a mirror; a round that waits for it goes on, then a `dmirror` device is evicted.",
        arguments: [.init("mirror", .id, .required, "mirror of this connection")],
        errors: [.noMirror, .denied, .timeout, .cancelled],
        kernel: "mmu_interval_notifier_remove(); hmm_mirror_unregister() of 2017")

    init(_ a: borrowing Arguments) { mirror = a.id(0) }
}
