/// `fault`: make a range usable by the device and say where its pages are.
public struct Fault: Verb {
    public var mirror: UInt32
    public var extent: Extent
    public var access: FaultAccess
    public var noWait: Bool

    public static let spec = VerbSpec(
        "fault", .mirror, "Fault a range in for the device, fill its page table and say where the pages are.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
            .init("access", .choice(["r", "w"]), .defaulted("r"), "access the device needs"),
            .init("nowait", .flag, .defaulted("no"), "`yes`: answer BUSY where the range is under invalidation"),
        ],
        rows: PageRows.keys,
        reply: [.init("pages", "number of pages"), .init("seq", "sequence of the mirror")],
        errors: [.noMirror, .denied, .fenced, .noSpaceID, .notMapped, .permission, .limit, .timeout, .cancelled],
        kernel: "hmm_range_fault() with HMM_PFN_REQ_FAULT; hmm_vma_fault() of 2017")

    @inline(__always)
    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
        access = a.choice(3, default: .read)
        noWait = a.flag(4)
    }
}

/// The access a device needs.
public enum FaultAccess: UInt8, Sendable, CaseIterable {
    case read
    case write
}

/// The keys of a run of pages with equal state.
enum PageRows {
    static let keys: [VerbSpec.Key] = [
        .init("va", "address of the first page of a run of pages with equal state"),
        .init("pages", "length of the run"),
        .init(
            "kind",
            "`none` nothing there, `zero` the zero page, `ram` system memory, `private` memory of this mirror's device, `error` nothing a device may use"
        ),
        .init("perm", "`r` or `rw`; absent with `none` and `error`"),
        .init(
            "pfn",
            "page frame numbers of the run: `first` or `first+count`, separated by commas; with `ram` and `private` only"
        ),
    ]
}
