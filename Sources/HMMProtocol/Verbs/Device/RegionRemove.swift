/// `region.remove`: a device loses memory.
public struct RegionRemove: Verb {
    public var region: UInt32

    public static let spec = VerbSpec(
        "region.remove", .device, "End a region; what it holds is evicted to system memory first.",
        arguments: [.init("region", .id, .required, "number of the region")],
        reply: [.init("moved", "pages that moved to system memory")] + Invalidating.round(spaceRemains: false),
        errors: [.noRegion, .denied, .outOfMemory, .limit, .timeout, .cancelled],
        kernel: "memunmap_pages(); hmm_devmem_remove() of 2017")

    init(_ a: borrowing Arguments) { region = a.id(0) }
}
