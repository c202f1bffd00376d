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
        /// On its way: the frame is where the page will be. Kernel: migration entry.
        case migrating = 4
    }

    public let word: UInt64

    private static let kindMask: UInt64 = 7
    private static let writableBit: UInt64 = 8
    private static let frameShift: UInt64 = 12
    /// The difference between the entries of two pages alike in all but consecutive frames.
    static let nextFrame: UInt64 = 1 << frameShift

    public static let none = PageEntry(word: 0)
    public static let zero = PageEntry(word: UInt64(Kind.zero.rawValue))

    @inline(__always) init(word: UInt64) { self.word = word }

    @inline(__always)
    init(_ kind: Kind, _ frame: FrameNumber, writable: Bool) {
        word = UInt64(kind.rawValue) | (writable ? Self.writableBit : 0) | frame.number << Self.frameShift
    }

    @inline(__always)
    public var kind: Kind { Kind(rawValue: UInt8(truncatingIfNeeded: word & Self.kindMask)) ?? .none }
    @inline(__always) public var isNone: Bool { word == 0 }
    @inline(__always) public var isWritable: Bool { word & Self.writableBit != 0 }
    /// Meaningful for system memory, device memory and migrating pages.
    @inline(__always) public var frame: FrameNumber { FrameNumber(number: word >> Self.frameShift) }

    @inline(__always)
    func withWritable(_ writable: Bool) -> PageEntry {
        PageEntry(word: writable ? word | Self.writableBit : word & ~Self.writableBit)
    }

    /// The CPU can load from it without a fault.
    @inline(__always)
    var isPresent: Bool { kind == .system || kind == .zero }
}
