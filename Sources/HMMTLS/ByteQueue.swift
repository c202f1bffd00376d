/// Bytes in order, put in at the end and taken from the front. Holds no memory while empty.
struct ByteQueue: ~Copyable {
    private var storage: UnsafeMutableRawPointer?
    private var capacity = 0
    private var head = 0
    private(set) var count = 0

    init() {}

    deinit { storage?.deallocate() }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        let room = makeRoom(for: bytes.count)
        room.copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    /// Moves as many bytes as fit from the front into `destination`, and says how many.
    mutating func take(into destination: UnsafeMutableRawBufferPointer) -> Int {
        let taken = min(count, destination.count)
        guard taken > 0, let storage, let target = destination.baseAddress else { return 0 }
        target.copyMemory(from: storage + head, byteCount: taken)
        head += taken
        count -= taken
        if count == 0 { releaseStorage() }
        return taken
    }

    private mutating func releaseStorage() {
        storage?.deallocate()
        storage = nil
        capacity = 0
        head = 0
    }

    /// Returns where `extra` bytes can be written, behind those already held.
    private mutating func makeRoom(for extra: Int) -> UnsafeMutableRawPointer {
        if let storage, head + count + extra <= capacity { return storage + head + count }
        // Sliding down pays only if it frees at least half; otherwise a long queue would be moved again and again.
        if let storage, count + extra <= capacity, head >= capacity / 2 {
            storage.copyMemory(from: storage + head, byteCount: count)
            head = 0
            return storage + count
        }
        let newCapacity = max(capacity * 2, count + extra, 256)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
        if let storage {
            larger.copyMemory(from: storage + head, byteCount: count)
            storage.deallocate()
        }
        storage = larger
        capacity = newCapacity
        head = 0
        return larger + count
    }
}
