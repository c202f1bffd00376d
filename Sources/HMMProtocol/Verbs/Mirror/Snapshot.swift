/// `snapshot`: what the device would see, without faulting anything.
public struct Snapshot: Verb {
    public var mirror: UInt32
    public var extent: Extent
    public var noWait: Bool

    public static let spec = VerbSpec(
        "snapshot", .mirror, "Say where the pages of a range are, without faulting.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
            .init("nowait", .flag, .defaulted("no"), "`yes`: answer BUSY where the range is under invalidation"),
        ],
        rows: PageRows.keys,
        reply: [.init("pages", "number of pages"), .init("seq", "sequence of the mirror")],
        errors: [.noMirror, .denied, .fenced, .exited, .limit, .cancelled],
        kernel: "hmm_range_fault() without a request; hmm_vma_get_pfns() of 2017", gate: .hmmMirror)

    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
        noWait = a.flag(3)
    }
}
