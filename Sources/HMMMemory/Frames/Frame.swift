/// What is known of a page frame beyond its bytes: 24 bytes of at most 32. Kernel: `struct page`.
struct Frame {
    /// Who holds it: mappings, exclusive entries, pins, a file. At zero it is free. Kernel: _refcount.
    var references: UInt32 = 1
    /// Entries of address spaces that map it, exclusive ones apart. Kernel: _mapcount.
    var mappings: UInt32 = 0
    /// What finds its mappings: the number of an anonymous object or of a file. Kernel: page->mapping.
    var object: UInt32 = 0
    /// The mirror whose driver took it from its device; device memory only. Kernel: zone_device_data.
    var allocator = MirrorID(rawValue: 0)
    /// Bits 0-39: page offset in the object; 40-55: pins; 56-60: flags.
    private var bits: UInt64 = 0

    private static let indexMask: UInt64 = 0xff_ffff_ffff
    private static let pinShift: UInt64 = 40
    private static let pinMask: UInt64 = 0xffff << pinShift

    /// Where it is in its object. Kernel: page->index.
    var index: UInt64 {
        get { bits & Self.indexMask }
        set { bits = bits & ~Self.indexMask | newValue & Self.indexMask }
    }

    /// References of those who do I/O on it, each also one of `references`. Kernel: FOLL_PIN.
    var pins: UInt64 {
        get { (bits & Self.pinMask) >> Self.pinShift }
        set { bits = bits & ~Self.pinMask | (newValue << Self.pinShift & Self.pinMask) }
    }

    static let mostPins: UInt64 = 0xffff

    /// It is private to address spaces, and `object` an anonymous object. Kernel: PageAnon.
    var isAnonymous: Bool {
        get { flag(56) }
        set { setFlag(56, newValue) }
    }

    /// One address space alone has it and may write without a copy. Kernel: PageAnonExclusive.
    var isExclusivelyOwned: Bool {
        get { flag(57) }
        set { setFlag(57, newValue) }
    }

    /// Part of a huge page, whose first frame is a multiple of 512, however it is mapped. Kernel: a large folio.
    var isLarge: Bool {
        get { flag(58) }
        set { setFlag(58, newValue) }
    }

    /// Held by a migration that is under way. Kernel: PageLocked.
    var isLocked: Bool {
        get { flag(59) }
        set { setFlag(59, newValue) }
    }

    /// Device memory that was a device's alone when its device was evicted: from then on it stays where it is. The
    /// kernel loses a reference to it there; here it goes with its last mapping all the same.
    var isStuck: Bool {
        get { flag(60) }
        set { setFlag(60, newValue) }
    }

    private func flag(_ bit: UInt64) -> Bool { bits & (1 << bit) != 0 }
    private mutating func setFlag(_ bit: UInt64, _ value: Bool) {
        bits = value ? bits | 1 << bit : bits & ~(1 << bit)
    }

    /// Takes over what belongs to the memory and not to its place. Kernel: folio_migrate_flags() and ->mapping.
    mutating func adopt(_ other: Frame) {
        object = other.object
        index = other.index
        isAnonymous = other.isAnonymous
        isExclusivelyOwned = other.isExclusivelyOwned
    }
}
