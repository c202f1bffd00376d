/// Bytes in order that the kernel had no room for. Holds no memory while empty, and never much more than it counts: a
/// client that is always a little behind must not make it grow.
struct UnsentBytes {
    private var storage: [UInt8] = []
    private var start = 0

    var count: Int { storage.count - start }
    var isEmpty: Bool { start == storage.count }
    /// Bytes of memory in use.
    var capacity: Int { storage.capacity }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        // Sliding down pays once it frees half; more often would move a long queue again and again.
        if start > storage.count / 2 {
            storage.removeSubrange(..<start)
            start = 0
        }
        storage.append(contentsOf: bytes)
    }

    /// Offers the bytes to `send` until it takes none, and forgets those it says it took. True if none is left.
    mutating func drain(_ send: (UnsafeRawBufferPointer) -> Int) -> Bool {
        while !isEmpty {
            let taken = storage.withUnsafeBytes { send(UnsafeRawBufferPointer(rebasing: $0[start...])) }
            if taken <= 0 { return false }
            start += taken
        }
        removeAll()
        return true
    }

    mutating func removeAll() {
        storage = []
        start = 0
    }
}
