/// `region.create`: memory for a device.
public struct RegionCreate: Verb {
    public var device: ShortName
    /// In bytes, whole pages.
    public var length: UInt64
    public var kind: RegionKind
    /// First page frame of a physical resource; nil lets the server find a free range.
    public var pfn: UInt64?
    /// It goes with the connection, and only so.
    public var managed: Bool

    public static let spec = VerbSpec(
        "region.create", .device, "Give a device memory, at a free physical range that the server finds or at `pfn`.",
        arguments: [
            .init("dev", .name, .required, "device"),
            .init("len", .pages, .required, "capacity"),
            .init(
                "kind", .choice(["private", "coherent"]), .defaulted("private"),
                "`private`: the CPU cannot address it, `coherent`: it can"),
            .init("pfn", .number, .optional, "first page frame number, a multiple of 512"),
            .init("managed", .flag, .defaulted("no"), "`yes`: it goes with this connection, and cannot be removed"),
        ],
        reply: [
            .init("region", "its number"), .init("dev", "device"), .init("kind", "its kind"),
            .init("pfn", "first page frame number"), .init("pages", "capacity"),
        ],
        errors: [.noDevice, .exists, .outOfMemory, .limit, .gated],
        kernel:
            "hmm_devmem_add() of 2017; request_free_mem_region() and memremap_pages(), MEMORY_DEVICE_PRIVATE or MEMORY_DEVICE_COHERENT",
        export: .gpl)

    init(_ a: borrowing Arguments) throws(Failure) {
        device = a.name
        length = a.number(1)
        kind = a.choice(2, default: .private)
        pfn = a.optional(3)
        managed = a.flag(4)
        if let pfn { try FrameRange.check(pfn, bytes: length) }
    }
}

/// Whether the CPU can address a device's memory.
public enum RegionKind: UInt8, Sendable, CaseIterable {
    /// It cannot. Kernel: MEMORY_DEVICE_PRIVATE.
    case `private`
    /// It can. Kernel: MEMORY_DEVICE_COHERENT.
    case coherent
}

/// Bounds of a physical range that a client names.
enum FrameRange {
    /// One past the last page frame number that has an address.
    static let end: UInt64 = 1 << 52

    /// `BADARG` when the range has no physical addresses.
    static func check(_ pfn: UInt64, count: UInt64) throws(Failure) {
        guard pfn < end, count <= end - pfn else {
            throw Failure(.badArgument, "the range leaves the page frames, which end at 0x10000000000000")
        }
    }

    /// The same for memory that is given to a device: it begins at a section, as hotplugged memory has to.
    static func check(_ pfn: UInt64, bytes: UInt64) throws(Failure) {
        guard pfn & 511 == 0 else { throw Failure(.badArgument, "`pfn` must be a multiple of 512") }
        try check(pfn, count: bytes >> 12)
    }
}
