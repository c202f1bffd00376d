internal import HMMEngine

/// Inputs for an engine in order of arrival, those that are recorded with the bytes they came in. Inputs are moved in
/// and out, never copied; memory is kept for the next batch until `releaseMemory`.
struct InputQueue: ~Copyable {
    private struct Slot {
        let input: Input
        let source: [UInt8]
    }

    private var slots = UnsafeMutableBufferPointer<Slot>(start: nil, count: 0)
    private var head = 0
    private var tail = 0

    init() {}

    deinit {
        UnsafeMutableBufferPointer(rebasing: slots[head..<tail]).deinitialize()
        slots.deallocate()
    }

    @inline(__always) var count: Int { tail - head }
    @inline(__always) var isEmpty: Bool { head == tail }

    @inline(__always)
    mutating func append(_ input: consuming Input, source: consuming [UInt8] = []) {
        if tail == slots.count { makeRoom() }
        slots.initializeElement(at: tail, to: Slot(input: input, source: source))
        tail += 1
    }

    /// There is an oldest input, and it has the bytes it came in.
    var firstHasSource: Bool { head < tail && !slots[head].source.isEmpty }

    /// The oldest input; nil when there is none. Its bytes are added to `sources`.
    @inline(__always)
    mutating func takeFirst(_ sources: inout [UInt8]) -> Input? {
        guard head < tail else { return nil }
        let slot = slots.moveElement(from: head)
        head += 1
        if head == tail {
            head = 0
            tail = 0
        }
        if !slot.source.isEmpty { sources += slot.source }
        return slot.input
    }

    mutating func removeAll() {
        UnsafeMutableBufferPointer(rebasing: slots[head..<tail]).deinitialize()
        head = 0
        tail = 0
    }

    /// Gives the memory back if nothing is queued.
    mutating func releaseMemory() {
        guard isEmpty else { return }
        slots.deallocate()
        slots = UnsafeMutableBufferPointer(start: nil, count: 0)
    }

    @inline(never)
    private mutating func makeRoom() {
        let live = UnsafeMutableBufferPointer(rebasing: slots[head..<tail])
        // Sliding down pays only if it frees half; otherwise a long queue would be moved again and again.
        if head > 0, head >= slots.count / 2 {
            if let target = slots.baseAddress, let source = live.baseAddress {
                target.moveInitialize(from: source, count: live.count)
            }
        } else {
            let larger = UnsafeMutableBufferPointer<Slot>.allocate(capacity: max(64, slots.count * 2))
            _ = larger.moveInitialize(fromContentsOf: live)
            slots.deallocate()
            slots = larger
        }
        tail -= head
        head = 0
    }
}
