/// `dev.read`: the device loads through its own page table.
public struct DeviceRead: Verb {
    public var mirror: UInt32
    public var form: DataForm
    public var extent: Extent

    public static let spec = VerbSpec(
        "dev.read", .mirror, "Device load through the mirror's own page table; what is missing is faulted in.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .address, .required, "start"),
            .init(
                "len", .length, .required, "bytes, at most one literal; with `as=pages` and `as=ints` at will"),
            DataForm.argument,
        ],
        rows: DataForm.rows(each: false),
        reply: [
            .init("n", "number of bytes"),
            .init("faults", "how many times the device had to fault; 0 when its table had everything"),
        ],
        errors: [
            .noMirror, .denied, .fenced, .exited, .notMapped, .busError, .limit, .timeout, .cancelled,
        ],
        kernel: "HMM_DMIRROR_READ of lib/test_hmm.c", gate: .hmmMirror)

    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
        form = a.choice(3, default: .automatic)
        try form.check(extent.va, extent.length)
    }
}
