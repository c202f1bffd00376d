internal import Glibc
internal import Logging

/// How many files this process may have open; each connection is one.
enum DescriptorLimit {
    /// Descriptors besides those of connections, recordings and event loops: listeners, whoever watches, files being
    /// read.
    private static let spare = 64

    /// As many connections as the configuration asks for, or as there is room for: past that, strangers would keep out
    /// whoever watches over the server. Then the log says so.
    static func connections(_ configuration: ServerConfiguration, _ logger: Logger) -> Int {
        let recordings = configuration.recording == nil ? 0 : min(configuration.maxTenants, 1 << 30)
        let others = spare + 2 * configuration.loops
        let limit = raise(to: min(configuration.maxConnections, 1 << 30) + recordings + others)
        let left = max(0, limit - others)
        let room = max(1, left - min(recordings, left / 2))
        guard room < configuration.maxConnections else { return configuration.maxConnections }
        // No warning: `hmmd run` says those, and nobody there has asked for so many.
        logger.notice(
            "the limit of open files is below --max-connections",
            metadata: ["max-connections": "\(configuration.maxConnections)", "room": "\(room)"])
        return room
    }

    /// Raises the soft limit, where it is lower, as far as the hard limit lets it. The soft limit is often 1024 only
    /// for the sake of programs that use select(2).
    ///
    /// Returns the limit.
    static func raise(to wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return wanted }
        let count = UInt(max(0, wanted))
        if limit.rlim_cur < count {
            var raised = limit
            raised.rlim_cur = min(count, limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        growTable(to: min(count, limit.rlim_cur))
        return Int(clamping: limit.rlim_cur)
    }

    /// Lets the kernel make room for that many descriptors now. Once there are threads it waits for every processor
    /// each time it doubles its table, for some tens of milliseconds in the middle of an accept(2).
    private static func growTable(to count: UInt) {
        let highest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, Int32(clamping: count) - 1)
        if highest >= 0 { close(highest) }
    }
}
