internal import Glibc

/// The processors this process may run on.
public enum Processors {
    /// How many; less than the machine has where an administrator pinned the process. At least 1.
    public static var available: Int {
        var set = cpu_set_t()
        guard sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else {
            return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        }
        return max(1, withUnsafeBytes(of: set) { $0.reduce(0) { $0 + $1.nonzeroBitCount } })
    }
}
