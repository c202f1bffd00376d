/// `region.create`: memory for a device.
public struct RegionCreate: Verb {
    public var device: ShortName
    public var length: UInt64

    public static let spec = VerbSpec(
        "region.create", .device, "Give a device memory at a free physical range that the server finds.",
        arguments: [
            .init("dev", .name, .required, "device"),
            .init("len", .pages, .required, "capacity"),
            .init("kind", .choice(["private"]), .defaulted("private"), "`private`: the CPU cannot address it"),
        ],
        reply: [
            .init("region", "its number"), .init("dev", "device"), .init("kind", "its kind"),
            .init("pfn", "first page frame number"), .init("pages", "capacity"),
        ],
        errors: [.noDevice, .outOfMemory, .limit],
        kernel: "hmm_devmem_add() of 2017; request_free_mem_region() and memremap_pages(), MEMORY_DEVICE_PRIVATE")

    init(_ a: borrowing Arguments) {
        device = a.name
        length = a.number(1)
    }
}
