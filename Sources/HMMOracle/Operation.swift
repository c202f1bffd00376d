/// What a line of a scenario asks for.
public enum Operation: Equatable, Sendable {
    case makeProcess(String)
    /// fork(2); with `keepsMirrors` the child holds its parent's mirrors, too.
    case fork(String, child: String, keepsMirrors: Bool)
    case exit(String)
    /// Something that a living process does.
    case process(String, ProcessCall)
    /// Something that a process does with a mirror it holds.
    case mirror(String, name: String, MirrorCall)
    case file(FileCall)
    /// Not of the language.
    case malformed

    public enum ProcessCall: Equatable, Sendable {
        case map(PageRange, protection: String, Backing)
        case unmap(PageRange)
        case protect(PageRange, String)
        /// `count` is the new length in pages; nil keeps it.
        case remap(PageRange, to: UInt64, count: UInt64?)
        case advise(PageRange, String)
        case write(PageRange, pattern: String)
        case read(PageRange)
        /// References that are dropped at once; `mode` is the word of the verb `pin`.
        case reference(PageRange, mode: String)
        /// A pin that is held until `unpin`.
        case pin(PageRange, writes: Bool)
        case unpin
        case open(mirror: String, device: UInt64)
    }

    public enum MirrorCall: Equatable, Sendable {
        case close
        case release
        case read(PageRange)
        case write(PageRange, pattern: String)
        case migrateToDevice(PageRange)
        case migrateToSystem(PageRange)
        case snapshot(PageRange)
        case exclusive(PageRange)
        case checkExclusive(PageRange)
    }

    public enum FileCall: Equatable, Sendable {
        /// Without a pattern the file is one hole.
        case create(String, pages: UInt64, pattern: String?)
        case truncate(String, pages: UInt64)
        case read(String, PageRange)
    }

    /// What a mapping shows.
    public enum Backing: Equatable, Sendable {
        /// Memory without a file: `anon-private`, `anon-shared` or `hugetlb`.
        case memory(kind: String)
        /// `file-private` or `file-shared`; `offset` in pages.
        case file(kind: String, name: String, offset: UInt64)
        /// The file of the device that a mirror of the process is on.
        case device(mirror: String)
    }
}

/// Pages by index: page K is the address 0x10000000 + K * 4096 of every process. In files, page 0 is the first.
public struct PageRange: Equatable, Sendable {
    public var start: UInt64
    public var count: UInt64

    public init(_ start: UInt64, _ count: UInt64) {
        self.start = start
        self.count = count
    }

    /// The address of a page, as requests write it. Every page that `Words` lets through has one.
    static func address(of page: UInt64) -> String { "0x" + String(0x1000_0000 + page << 12, radix: 16) }

    /// Address and length as positional arguments.
    var arguments: String { "\(Self.address(of: start)) \(count)p" }
}
