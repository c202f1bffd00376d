/// Virtual addresses, pages and ranges of pages. Arithmetic on addresses lives here and nowhere else.
public enum PageSize {
    /// log2 of the page size in bytes.
    @inlinable public static var shift: UInt64 { 12 }
    /// Bytes of one page.
    @inlinable public static var bytes: Int { 4096 }
    /// Pages below one node of the last level: 2 MiB. Kernel: PTRS_PER_PTE.
    @inlinable public static var perTable: UInt64 { 512 }
}

/// The number of a virtual page: its address divided by 4096.
public struct Page: Hashable, Sendable, Comparable {
    public let number: UInt64

    @inlinable @inline(__always) public init(number: UInt64) { self.number = number }
    /// The page that holds `address`.
    @inlinable @inline(__always) public init(containing address: UInt64) { number = address >> PageSize.shift }

    /// The address of its first byte.
    @inlinable @inline(__always) public var address: UInt64 { number << PageSize.shift }

    @inlinable @inline(__always) public static func < (a: Page, b: Page) -> Bool { a.number < b.number }
    @inlinable @inline(__always) public static func + (a: Page, pages: UInt64) -> Page {
        Page(number: a.number + pages)
    }
    /// Pages from `b` up to `a`.
    @inlinable @inline(__always) public static func - (a: Page, b: Page) -> UInt64 { a.number - b.number }

    /// The first page of the next node of the last level.
    @inlinable @inline(__always) public var endOfTable: Page { Page(number: (number | (PageSize.perTable - 1)) + 1) }

    /// The first page of the 2 MiB that it lies in. Kernel: HPAGE_PMD_MASK.
    @inline(__always) var hugeStart: Page { Page(number: number & ~(PageSize.perTable - 1)) }
    /// The first page, at or after it, that begins 2 MiB.
    @inline(__always) var hugeEnd: Page { (self + (PageSize.perTable - 1)).hugeStart }
}

/// Consecutive pages.
public struct PageRange: Hashable, Sendable {
    public let start: Page
    public let end: Page

    /// The pages from `start` up to `end`; none when `end` is not above `start`.
    @inlinable @inline(__always)
    public init(_ start: Page, _ end: Page) {
        self.start = start
        self.end = max(start, end)
    }

    @inlinable @inline(__always) public init(_ page: Page) { self.init(page, page + 1) }

    /// Every page that the `length` bytes from `address` touch; none when they wrap, which whoever asks has refused.
    @inlinable @inline(__always)
    public init(touching address: UInt64, length: UInt64) {
        let end = address &+ length &+ (UInt64(PageSize.bytes) - 1)
        self.init(Page(containing: address), Page(number: end >> PageSize.shift))
    }

    @inlinable @inline(__always) public var count: UInt64 { end.number - start.number }
    @inlinable @inline(__always) public var isEmpty: Bool { start == end }
    /// Length in bytes.
    @inlinable @inline(__always) public var length: UInt64 { count << PageSize.shift }

    @inlinable @inline(__always) public func overlaps(_ other: PageRange) -> Bool {
        start < other.end && other.start < end
    }
    @inlinable @inline(__always) public func contains(_ page: Page) -> Bool { start <= page && page < end }
    @inlinable @inline(__always) public func contains(_ other: PageRange) -> Bool {
        start <= other.start && other.end <= end
    }

    /// Its pages with all others of the nodes of the last level that it touches.
    public var wholeTables: PageRange {
        isEmpty ? self : PageRange(start.hugeStart, Page(number: end.number - 1).endOfTable)
    }

    /// The pages in both; empty when there are none.
    @inlinable @inline(__always)
    public func clamped(to other: PageRange) -> PageRange {
        let low = max(start, other.start)
        return PageRange(low, min(end, other.end))
    }
}

/// The number of a page frame: its physical address divided by 4096. Kernel: pfn.
public struct FrameNumber: Hashable, Sendable, Comparable {
    public let number: UInt64

    @inlinable @inline(__always) public init(number: UInt64) { self.number = number }
    @inlinable @inline(__always) public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}
