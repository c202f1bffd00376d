/// `hmm.vma-get-pfns`: what the CPU's page table says of a range, which stays open until `hmm.vma-range-done`.
public struct GetPfns: Verb {
    public var mirror: UInt32
    public var extent: Extent

    public static let spec = VerbSpec(
        "hmm.vma-get-pfns", .legacy, "Say where the pages of a range are, without faulting, and open the range.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
        ],
        rows: LegacyRows.keys, reply: LegacyRows.reply,
        errors: [.noMirror, .denied, .fenced, .exited, .state, .notMapped, .permission, .limit, .cancelled],
        kernel: "hmm_vma_get_pfns() of 2017", gate: .hmmMirror)

    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
    }
}

/// The keys of a run of pages whose hmm_pfn_t of 2017 are alike.
enum LegacyRows {
    static let keys: [VerbSpec.Key] = [
        .init("va", "address of the first page of a run of pages with equal flags"),
        .init("pages", "length of the run"),
        .init(
            "flags",
            "`valid`, `read`, `write`, `error`, `empty`, `special`, `device-unaddressable`, with commas between them"),
        .init("pfn", "page frame numbers of the run, as in `fault`"),
    ]

    static let reply: [VerbSpec.Key] = [
        .init("range", "number of the range, for `hmm.vma-range-done`"), .init("pages", "number of pages"),
    ]
}
