internal import Glibc

/// What the kernel says of this process. What cannot be read is absent.
struct ProcessFigures {
    var processorNanoseconds: UInt64?
    var residentBytes: UInt64?
    var virtualBytes: UInt64?
    var openFiles: UInt64?
    var openFileLimit: UInt64?
    /// Seconds since 1970.
    var startTime: UInt64?

    init() {
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            func nanoseconds(_ time: timeval) -> UInt64 {
                UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1000
            }
            processorNanoseconds = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)
        }
        let pages = Self.words("/proc/self/statm").compactMap { UInt64($0) }
        if pages.count > 1 {
            let size = UInt64(sysconf(Int32(_SC_PAGESIZE)))
            virtualBytes = pages[0] * size
            residentBytes = pages[1] * size
        }
        openFiles = Self.entries("/proc/self/fd")
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            openFileLimit = UInt64(limit.rlim_cur)
        }
        startTime = Self.startTime()
    }

    /// Ticks since the machine started, which stand in field 22; the name before them may hold anything but `)`.
    private static func startTime() -> UInt64? {
        let text = read("/proc/self/stat")
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[end...].split(separator: " ")
        guard fields.count > 20, let ticks = UInt64(fields[20]) else { return nil }
        guard let line = read("/proc/stat").split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = UInt64(line.dropFirst(6))
        else { return nil }
        return boot + ticks / UInt64(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func words(_ path: String) -> [Substring] {
        read(path).split { $0 == " " || $0 == "\n" }
    }

    private static func read(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += piece[..<count]
        }
    }

    /// The descriptors in use, less the one that this needs itself.
    private static func entries(_ path: String) -> UInt64? {
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var count: UInt64 = 0
        while let entry = readdir(folder) {
            let first = withUnsafeBytes(of: entry.pointee.d_name) { $0[0] }
            if first != UInt8(ascii: ".") { count += 1 }
        }
        return count > 0 ? count - 1 : 0
    }
}
