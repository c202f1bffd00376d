/// `fault`: make a range usable by the device and say where its pages are.
public struct Fault: Verb {
    public var mirror: UInt32
    /// What is asked of every page. Kernel: default_flags of struct hmm_range.
    public var access: FaultAccess
    public var noWait: Bool
    /// What counts of `pages`. Kernel: pfn_flags_mask of struct hmm_range.
    public var mask: FaultAccess
    public var extent: Extent

    /// The position of `pages`, which makes it a `FaultPages`.
    static let pages = 6

    public static let spec = VerbSpec(
        "fault", .mirror, "Fault a range in for the device, fill its page table and say where the pages are.",
        arguments: [
            .init("mirror", .id, .required, "mirror of this connection"),
            .init("va", .page, .required, "start"),
            .init("len", .pages, .required, "length"),
            .init("access", .choice(["r", "w", "none"]), .defaulted("r"), "access the device needs to every page"),
            .init("nowait", .flag, .defaulted("no"), "`yes`: answer BUSY where the range is under invalidation"),
            .init("mask", .choice(["r", "w", "none"]), .defaulted("none"), "how much of `pages` counts"),
            .init("pages", .data, .optional, "access the device needs page by page: an octet `-`, `r` or `w` each"),
        ],
        rows: PageRows.keys,
        reply: [.init("pages", "number of pages"), .init("seq", "sequence of the mirror")],
        errors: [
            .noMirror, .denied, .fenced, .exited, .notMapped, .busError, .permission, .limit, .timeout, .cancelled,
        ],
        kernel: "hmm_range_fault() with HMM_PFN_REQ_FAULT; hmm_vma_fault() of 2017", gate: .hmmMirror)

    @inline(__always)
    init(_ a: borrowing Arguments) throws(Failure) {
        mirror = a.id(0)
        extent = try a.extent(1, 2)
        access = a.choice(3, default: .read)
        noWait = a.flag(4)
        mask = a.choice(5, default: .none)
    }
}

/// A `fault` that asks page by page: apart from the others, which are many and have to stay plain numbers.
public struct FaultPages: Equatable, Sendable {
    public var fault: Fault
    /// What is asked of each page, one octet a page: `-` nothing, `r` or `w`. Kernel: the hmm_pfns that go in.
    public var pages: [UInt8]

    init(_ a: borrowing Arguments) throws(Failure) {
        fault = try Fault(a)
        pages = a.data
        if !a.isLiteral { try checkPages() }
    }

    /// `BADARG` when `pages` is not an octet of `-`, `r`, `w` for each page. What came on the line has been checked; a
    /// literal has not.
    public func checkPages() throws(Failure) {
        let count = fault.extent.length >> 12
        guard UInt64(pages.count) == count else {
            throw Failure(.badArgument, "`pages` has \(pages.count) octets, but the range has \(count) pages")
        }
        guard pages.allSatisfy([UInt8(ascii: "-"), UInt8(ascii: "r"), UInt8(ascii: "w")].contains) else {
            throw Failure(.badArgument, "`pages` takes an octet `-`, `r` or `w` for each page")
        }
    }
}

/// The access a device needs.
public enum FaultAccess: UInt8, Sendable, CaseIterable {
    case read
    case write
    /// Nothing is asked: pages are only looked at.
    case none
}
