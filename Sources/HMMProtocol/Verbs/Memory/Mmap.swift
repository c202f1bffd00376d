/// `mmap`: a new area.
public struct Mmap: Verb {
    public var space: UInt32
    /// Nil lets the server choose.
    public var va: UInt64?
    /// In bytes; with `.hugetlb` whole huge pages.
    public var length: UInt64
    public var protection: ProtectionBits
    public var kind: MappingKind
    /// A file, or with `.device` a device; `.none` with the other kinds.
    public var file: ShortName
    /// Where in the file the area begins, in bytes: a whole number of pages.
    public var offset: UInt64
    /// What is mapped at `va` goes away first.
    public var fixed: Bool

    public static let spec = VerbSpec(
        "mmap", .memory, "Map memory; without `va` the server chooses the place.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .optional, "where; it must be free unless `fixed=yes`"),
            .init("len", .length, .required, "how much, rounded up to pages, with `kind=hugetlb` to 2 MiB"),
            .init("prot", .protection, .defaulted("rw"), "access the CPU and devices get"),
            .init("kind", .choice(MappingKind.words), .defaulted("anon-private"), "what is mapped"),
            .init(
                "file", .name, .optional,
                "the file of `file-private` and `file-shared`, the device of `device`; not with other kinds"),
            .init("offset", .number, .defaulted("0"), "where in the file the area begins, a whole number of pages"),
            .init("fixed", .flag, .defaulted("no"), "`yes`: what is mapped at `va` is unmapped first"),
        ],
        reply: [
            .init("va", "start"), .init("len", "length in bytes"), .init("prot", "protection"),
            .init("kind", "what is mapped"), .init("acked", "with `fixed=yes`: as in `munmap`, with the two after it"),
            .init("fenced", "with `fixed=yes`"), .init("seq", "with `fixed=yes`"),
        ],
        errors: [
            .noSpaceID, .noFile, .noDevice, .exists, .permission, .outOfMemory, .limit, .timeout, .cancelled,
        ],
        kernel: "mmap(2): MAP_PRIVATE, MAP_SHARED, MAP_ANONYMOUS, MAP_HUGETLB, MAP_FIXED; VM_IO")

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        va = a.optional(1)
        length = a.number(2)
        protection = ProtectionBits(rawValue: UInt8(truncatingIfNeeded: a.number(3, default: 3)))
        kind = a.choice(4, default: .anonPrivate)
        file = a.name
        offset = a.number(6)
        fixed = a.flag(7)
        _ = try Extent(checking: va ?? 0, length)
        if kind != .anonPrivate { try checkKind() }
        guard kind.hasName == a.has(5) else {
            if kind.hasName { throw .missing("file", with: "kind=\(kind.word)") }
            throw Failure(.badArgument, "`kind=\(kind.word)` has no file")
        }
        if offset != 0 { try checkOffset() }
        guard !fixed || va != nil else { throw .missing("va", with: "fixed=yes") }
    }

    private mutating func checkKind() throws(Failure) {
        guard kind == .hugetlb else { return }
        let huge: UInt64 = 2 << 20
        if let va, va & (huge - 1) != 0 {
            throw Failure(.badArgument, "`va` must be a multiple of 2 MiB with `kind=hugetlb`", address: va)
        }
        // It does not wrap: the range has been checked.
        length = (length + huge - 1) & ~(huge - 1)
        _ = try Extent(checking: va ?? 0, length)
    }

    private func checkOffset() throws(Failure) {
        guard kind.hasName else { throw Failure(.badArgument, "`offset` goes with a file only") }
        guard offset & 4095 == 0 else { throw Failure(.badArgument, "`offset` must be a multiple of 4096") }
        try FileRange.check(offset, length)
    }
}

/// What an area maps.
public enum MappingKind: UInt8, Sendable, CaseIterable {
    case anonPrivate
    case anonShared
    case filePrivate
    case fileShared
    /// Huge pages of 2 MiB from the tenant's reserve.
    case hugetlb
    /// The memory a device's driver gives out.
    case device
    /// Device registers: memory without page frames. Kernel: VM_IO, VM_PFNMAP.
    case io

    /// In the order of the cases.
    static let words = [
        "anon-private", "anon-shared", "file-private", "file-shared", "hugetlb", "device", "io",
    ]

    /// As a client writes it.
    public var word: String { Self.words[Int(rawValue)] }

    /// It maps something that has a name.
    var hasName: Bool { self == .filePrivate || self == .fileShared || self == .device }
}
