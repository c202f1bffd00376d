/// What an address space is to its users: pages with a protection, something behind them, and bytes. No page tables, no
/// frames, no areas.
struct SpaceModel {
    struct Rights: OptionSet {
        let rawValue: UInt8
        static let read = Rights(rawValue: 1)
        static let write = Rights(rawValue: 2)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(_ word: String) {
            self = []
            if word.contains("r") { insert(.read) }
            if word.contains("w") { insert(.write) }
        }

        var word: String { isEmpty ? "none" : "\(contains(.read) ? "r" : "")\(contains(.write) ? "w" : "")" }
    }

    /// What is behind a page.
    enum Backing: Equatable {
        case anonymous
        case hugetlb
        case device
        case io
        /// A page of a file, shared with everyone who maps it.
        case shared(file: Int, page: UInt64)
        /// A page of a file, until it is written.
        case copied(file: Int, page: UInt64)

        var file: (id: Int, page: UInt64)? {
            switch self {
            case .shared(let file, let page), .copied(let file, let page): (file, page)
            default: nil
            }
        }

        var word: String {
            switch self {
            case .anonymous: "private memory"
            case .hugetlb: "pages of the reserve"
            case .device: "device memory"
            case .io: "io"
            case .shared: "shared memory"
            case .copied: "private pages of files"
            }
        }

        /// What lies `count` pages further on in the same mapping.
        func advanced(_ count: UInt64) -> Backing {
            switch self {
            case .shared(let file, let page): .shared(file: file, page: page + count)
            case .copied(let file, let page): .copied(file: file, page: page + count)
            default: self
            }
        }
    }

    struct Page: Equatable {
        var rights: Rights
        var backing: Backing
        /// As `maps` names them.
        var flags: Set<String> = []
        /// Bytes of the space's own: nil where it has none, and sees zeroes or the file.
        var bytes: [UInt8]?
        /// Nobody knows its bytes.
        var isFaded = false

        /// A device may use it, as far as rights go.
        var isReadable: Bool { rights.contains(.read) && backing != .io }
        var isWritable: Bool { rights.contains(.write) }

        /// Migrations take part in it.
        var isMigratable: Bool {
            switch backing {
            case .anonymous, .shared, .copied: isReadable
            default: false
            }
        }

        var isShared: Bool { if case .shared = backing { true } else { false } }
        var isCopied: Bool { if case .copied = backing { true } else { false } }

        /// The same mapping `count` pages further on, without what was written.
        func fresh(_ count: UInt64) -> Page {
            Page(rights: rights, backing: backing.advanced(count), flags: flags, bytes: nil)
        }
    }

    let policy: String
    /// Mapped pages, by number.
    var pages: [UInt64: Page] = [:]

    /// The first page that is not mapped, or that `isFit` refuses.
    func first(in range: Range<UInt64>, unless isFit: (Page) -> Bool) -> UInt64? {
        range.first { page in pages[page].map { !isFit($0) } ?? true }
    }

    /// Where an end of `range` cuts a huge page of the reserve.
    func reservedCut(_ range: Range<UInt64>) -> UInt64? {
        [range.lowerBound, range.upperBound].first { $0 & 511 != 0 && pages[$0]?.backing == .hugetlb }
    }

    mutating func unmap(_ range: Range<UInt64>) { for page in range { pages[page] = nil } }

    /// Pages of `range` that could be of one mapping.
    func isUniform(_ range: Range<UInt64>) -> Bool {
        guard let first = pages[range.lowerBound] else { return false }
        return range.allSatisfy { number in
            guard let page = pages[number] else { return false }
            return page.rights == first.rights && page.flags == first.flags
                && page.backing == first.backing.advanced(number - range.lowerBound)
        }
    }
}

/// A file: its length and what was written.
struct FileModel: Equatable {
    var length: UInt64
    var pages: [UInt64: [UInt8]] = [:]
    /// Pages whose bytes nobody knows.
    var faded: Set<UInt64> = []
    /// Nothing is known of it, its length least of all.
    var isLost = false

    var pageCount: UInt64 { (length + 4095) >> 12 }
}
