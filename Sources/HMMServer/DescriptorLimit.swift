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
        return Int(clamping: max(limit.rlim_cur, spare) - spare)
    }
}
