internal import CLinux

/// How the C library's heap treats large blocks.
public enum HeapPolicy {
    /// Sets it, once, before there are threads.
    ///
    /// Page frames come in sections of 2 MiB. Above the threshold each block is a mapping of its own, which `free`
    /// returns to the system at once; left alone, glibc raises the threshold to the largest block ever freed, and the
    /// memory of a tenant that has gone would stay with the process. A literal of 1 MiB stays below, so that bulk
    /// writes reuse warm memory and do not pay for fresh pages each time; the trim threshold, which glibc lowers to
    /// 128 KiB when the other one is set, would undo that.
    public static func apply() {
        hmm_set_heap_thresholds(3 << 19, 8 << 20)
    }
}
