/// `hmm.vma-fault`: make a range usable by the device; it stays open until `hmm.vma-range-done`.
public struct VmaFault: Verb {
    public var mirror: UInt32
    public var write: Bool
    public var block: Bool
    public var extent: Extent

    public static let spec = VerbSpec(
        "hmm.vma-fault", .legacy, "Fault a range in for the device, say where its pages are and open the range.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
            .init("write", .flag, .defaulted("no"), "`yes`: the device needs to write"),
            .init("block", .flag, .defaulted("yes"), "`no`: fail with BUSY rather than wait"),
        ],
        rows: LegacyRows.keys, reply: LegacyRows.reply,
        errors: [
            .noMirror, .denied, .fenced, .exited, .state, .notMapped, .busError, .permission, .limit, .timeout,
            .cancelled,
        ],
        kernel: "hmm_vma_fault() of 2017", gate: .hmmMirror)

    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
        write = a.flag(3)
        block = !a.has(4) || a.flag(4)
    }
}
