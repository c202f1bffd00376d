/// `dev.write`: the device stores through its own page table.
public struct DeviceWrite: Verb {
    public var mirror: UInt32
    public var va: UInt64
    public var data: [UInt8]
    /// Nil means the length of `data`.
    public var length: UInt64?

    public static let spec = VerbSpec(
        "dev.write", .mirror, "Device store through the mirror's own page table; what is missing is faulted in.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .address, .required, "start"),
            .init("data", .data, .required, "the bytes"),
            .init("len", .length, .optional, "bytes to store, `data` repeated as needed; absent: as long as `data`"),
        ],
        reply: [
            .init("n", "number of bytes"),
            .init("faults", "how many times the device had to fault; 0 when its table had everything"),
        ],
        errors: [.noMirror, .denied, .fenced, .noSpaceID, .notMapped, .permission, .limit, .timeout, .cancelled],
        kernel: "HMM_DMIRROR_WRITE of lib/test_hmm.c")

    init(_ a: borrowing Arguments) {
        mirror = a.id(0)
        va = a.number(1)
        data = a.data
        length = a.optional(3)
    }
}
