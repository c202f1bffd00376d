internal import Glibc

/// How many files this process may have open; each connection is one.
public enum DescriptorLimit {
    /// Descriptors besides those of connections: listeners, event loops, files being read.
    private static let spare: UInt = 64

    /// Raises the soft limit, where it is lower, as far as the hard limit lets it. The soft limit is often 1024 only
    /// for the sake of programs that use select(2).
    ///
    /// Returns the number of connections there is room for.
    public static func raise(for connections: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return connections }
        let wanted = UInt(max(0, connections)) + spare
        if limit.rlim_cur < wanted {
            var raised = limit
            raised.rlim_cur = min(wanted, limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        growTable(to: min(wanted, limit.rlim_cur))
        return Int(clamping: max(limit.rlim_cur, spare) - spare)
    }

    /// Lets the kernel make room for that many descriptors now. Once there are threads it waits for every processor
    /// each time it doubles its table, for some tens of milliseconds in the middle of an accept(2).
    private static func growTable(to count: UInt) {
        let highest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, Int32(clamping: count) - 1)
        if highest >= 0 { close(highest) }
    }
}
