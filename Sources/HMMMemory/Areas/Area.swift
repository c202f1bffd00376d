/// A range of an address space with one protection and one backing. Kernel: `struct vm_area_struct`.
public struct Area: Equatable, Sendable {
    /// What is behind its pages.
    public enum Kind: UInt8, Sendable {
        /// Memory of its own.
        case anonymous
        /// A file, named or, for shared anonymous memory, without a name.
        case file
        /// Huge pages from the reserve. Kernel: VM_HUGETLB.
        case hugetlb
        /// A page that a driver has put there. Kernel: VM_MIXEDMAP.
        case device
        /// Registers of a device, without memory. Kernel: VM_IO, VM_PFNMAP.
        case io
    }

    /// What `madvise` has said of it.
    public struct Advice: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Kernel: VM_HUGEPAGE.
        public static let hugePage = Advice(rawValue: 1)
        /// Kernel: VM_NOHUGEPAGE.
        public static let noHugePage = Advice(rawValue: 2)
        /// Kernel: VM_DONTCOPY.
        public static let dontFork = Advice(rawValue: 4)
        /// Kernel: VM_WIPEONFORK.
        public static let wipeOnFork = Advice(rawValue: 8)
    }

    public internal(set) var range: PageRange
    public internal(set) var protection: Protection
    public internal(set) var kind = Kind.anonymous
    /// Writes reach everyone who maps the file. Kernel: VM_SHARED.
    public internal(set) var isShared = false
    public internal(set) var advice: Advice = []
    /// It counts as memory that may be written. Kernel: VM_ACCOUNT.
    var isAccounted = false
    public internal(set) var file: FileID?
    /// Its first page's offset in the file, or in its anonymous object. Kernel: vm_pgoff.
    public internal(set) var offset: UInt64
    /// The object its new pages go into; 0 as long as it has had none. Kernel: anon_vma.
    var object: UInt32 = 0
    /// The youngest of the objects its pages may be in: that one and its ancestors. Kernel: anon_vma_chain.
    var lineage: UInt32 = 0

    /// Private anonymous memory.
    public init(range: PageRange, protection: Protection) {
        self.range = range
        self.protection = protection
        offset = range.start.number
        isAccounted = protection.contains(.write)
    }

    /// A device may use it. Memory without read permission is out of reach of devices.
    @inline(__always) var isReadable: Bool { protection.contains(.read) && kind != .io }
    @inline(__always) var isWritable: Bool { protection.contains(.write) }
    /// A write makes a private copy. Kernel: is_cow_mapping().
    var copiesOnWrite: Bool { !isShared && kind != .io }
    /// It can take part in migrations. Kernel: the checks of migrate_vma_setup().
    var isMigratable: Bool { kind == .anonymous || kind == .file }

    /// Where `page` is in the file or the anonymous object.
    @inline(__always) func offset(of page: Page) -> UInt64 { offset + (page - range.start) }

    /// The part of it in `part`.
    func cut(to part: PageRange) -> Area {
        var area = self
        area.range = range.clamped(to: part)
        area.offset = offset(of: area.range.start)
        return area
    }

    /// What of an area decides where its pages are found.
    struct Place: Equatable {
        let range: PageRange
        let offset: UInt64
        let file: FileID?
        let object: UInt32
        let lineage: UInt32
    }

    var place: Place { Place(range: range, offset: offset, file: file, object: object, lineage: lineage) }

    /// Both would be one area if their objects agreed.
    func continues(_ next: Area) -> Bool {
        range.end == next.range.start && protection == next.protection && kind == next.kind
            && isShared == next.isShared && advice == next.advice && isAccounted == next.isAccounted
            && file == next.file && offset + range.count == next.offset && (kind == .anonymous || kind == .file)
    }
}
