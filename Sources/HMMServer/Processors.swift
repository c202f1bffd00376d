internal import CLinux
internal import Glibc

/// The processors this process may run on.
public enum Processors {
    /// How many; less than the machine has where an administrator pinned the process. At least 1.
    public static var available: Int {
        var set = [UInt8](repeating: 0, count: 1024)
        let size = set.count
        let result = set.withUnsafeMutableBytes { hmm_affinity($0.baseAddress, size) }
        guard result == 0 else { return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
        return max(1, set.reduce(0) { $0 + $1.nonzeroBitCount })
    }
}
