/// One entry of a page table: a 64-bit word that says what a virtual page is. Kernel: pte_t with its swap entry types.
public struct PageEntry: Equatable, Sendable {
    /// What the page is.
    public enum Kind: UInt8, Sendable {
        /// Nothing there.
        case none = 0
        /// System memory, present.
        case system = 1
        /// The shared zero page, present and read-only.
        case zero = 2
        /// Private device memory: not present for the CPU. Kernel: device-private swap entry.
        case devicePrivate = 3
        /// On its way to another frame; its own is named. Kernel: migration entry.
        case migrating = 4
        /// Device memory that the CPU can address, present. Kernel: MEMORY_DEVICE_COHERENT.
        case coherent = 5
        /// Memory that a device alone may touch, not present. Kernel: device-exclusive swap entry.
        case exclusive = 6
    }

    public let word: UInt64

    static let kindMask: UInt64 = 7
    private static let writableBit: UInt64 = 8
    private static let hugeBit: UInt64 = 16
    private static let reservedBit: UInt64 = 32
    private static let frameShift: UInt64 = 12
    /// The difference between the entries of two pages alike in all but consecutive frames.
    static let nextFrame: UInt64 = 1 << frameShift

    public static let none = PageEntry(word: 0)
    public static let zero = PageEntry(word: UInt64(Kind.zero.rawValue))
    /// The shared huge zero page. Kernel: huge_zero_folio.
    static let hugeZero = PageEntry(word: UInt64(Kind.zero.rawValue) | hugeBit)

    @inline(__always) init(word: UInt64) { self.word = word }

    @inline(__always)
    init(_ kind: Kind, _ frame: FrameNumber, writable: Bool, huge: Bool = false) {
        word =
            UInt64(kind.rawValue) | (writable ? Self.writableBit : 0) | (huge ? Self.hugeBit : 0)
            | frame.number << Self.frameShift
    }

    /// A page whose device frame is reserved and not filled. The writable bit tells what it was before.
    @inline(__always)
    static func reserved(_ frame: FrameNumber, fromZero: Bool) -> PageEntry {
        PageEntry(word: PageEntry(.migrating, frame, writable: fromZero).word | reservedBit)
    }

    @inline(__always)
    public var kind: Kind { Kind(rawValue: UInt8(truncatingIfNeeded: word & Self.kindMask)) ?? .none }
    @inline(__always) public var isNone: Bool { word == 0 }
    @inline(__always) public var isWritable: Bool { word & Self.writableBit != 0 }
    /// Part of a mapping of 2 MiB. Kernel: a PMD leaf.
    @inline(__always) public var isHuge: Bool { word & Self.hugeBit != 0 }
    /// `migrating`: its frame is a reserved one of the device and not that of memory on its way.
    @inline(__always) var isReserved: Bool { word & Self.reservedBit != 0 }
    @inline(__always) var wasZero: Bool { isWritable }
    /// Meaningful for every kind but `none` and `zero`.
    @inline(__always) public var frame: FrameNumber { FrameNumber(number: word >> Self.frameShift) }

    /// It names a frame.
    @inline(__always) var hasFrame: Bool { word >> Self.frameShift != 0 }

    @inline(__always)
    func withWritable(_ writable: Bool) -> PageEntry {
        PageEntry(word: writable ? word | Self.writableBit : word & ~Self.writableBit)
    }

    /// The same of one page, without the mapping it is part of.
    @inline(__always) var small: PageEntry { PageEntry(word: word & ~Self.hugeBit) }

    /// The entry `offset` pages into a huge mapping.
    @inline(__always)
    func page(_ offset: UInt64) -> PageEntry {
        hasFrame ? PageEntry(word: word + offset << Self.frameShift) : self
    }

    /// The CPU can load from it without a fault.
    @inline(__always)
    public var isPresent: Bool { kind == .system || kind == .zero || kind == .coherent }
}
