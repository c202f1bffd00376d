/// `hmm.devmem-add`: private memory for a device, as in 2017.
public struct DevmemAdd: Verb {
    public var device: ShortName
    /// In bytes, whole pages.
    public var length: UInt64

    public static let spec = VerbSpec(
        "hmm.devmem-add", .legacy, "Give a device private memory that goes with this connection.",
        arguments: [
            .init("dev", .name, .required, "device"), .init("len", .pages, .required, "capacity"),
        ],
        reply: RegionCreate.spec.reply,
        errors: [.noDevice, .outOfMemory, .limit],
        kernel: "hmm_devmem_add() of 2017", export: .gpl, gate: .devicePrivate)

    init(_ a: borrowing Arguments) {
        device = a.name
        length = a.number(1)
    }
}
