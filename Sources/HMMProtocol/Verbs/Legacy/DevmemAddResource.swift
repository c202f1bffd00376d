/// `hmm.devmem-add-resource`: a physical range that the CPU can address becomes a device's memory, as in 2017.
public struct DevmemAddResource: Verb {
    public var device: ShortName
    /// First page frame.
    public var pfn: UInt64
    /// In bytes, whole pages.
    public var length: UInt64

    public static let spec = VerbSpec(
        "hmm.devmem-add-resource", .legacy, "Give a device coherent memory at `pfn` that goes with this connection.",
        arguments: [
            .init("dev", .name, .required, "device"),
            .init("pfn", .number, .required, "first page frame number, a multiple of 512"),
            .init("len", .pages, .required, "capacity"),
        ],
        reply: RegionCreate.spec.reply,
        errors: [.noDevice, .exists, .outOfMemory, .limit],
        kernel: "hmm_devmem_add_resource() of 2017, MEMORY_DEVICE_PUBLIC", export: .gpl, gate: .devicePublic)

    init(_ a: borrowing Arguments) throws(Failure) {
        device = a.name
        pfn = a.number(1)
        length = a.number(2)
        try FrameRange.check(pfn, bytes: length)
    }
}
