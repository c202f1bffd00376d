/// `dev.write`: the device stores through its own page table.
public struct DeviceWrite: Verb {
    public var mirror: UInt32
    /// What to store instead of `data`; `length` is there with it.
    public var pattern: Pattern?
    public var va: UInt64
    public var data: [UInt8]
    /// Nil means the length of `data`.
    public var length: UInt64?

    public static let spec = VerbSpec(
        "dev.write", .mirror, "Device store through the mirror's own page table; what is missing is faulted in.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .address, .required, "start"),
            StoredBytes.data, StoredBytes.length, Pattern.argument,
        ],
        reply: [
            .init("n", "number of bytes"),
            .init("faults", "how many times the device had to fault; 0 when its table had everything"),
        ],
        errors: [
            .noMirror, .denied, .fenced, .exited, .notMapped, .busError, .permission, .limit, .timeout, .cancelled,
        ],
        kernel: "HMM_DMIRROR_WRITE of lib/test_hmm.c", gate: .hmmMirror)

    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        va = a.number(1)
        data = a.data
        pattern = a.pattern(4)
        length = a.optional(3)
        try StoredBytes.check(hasData: a.has(2), pattern, length)
        if let length { _ = try Extent(checking: va, length) }
    }
}
