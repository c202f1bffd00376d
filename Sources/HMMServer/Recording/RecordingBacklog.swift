internal import Synchronization

/// Bytes of all recordings of a folder that wait for the writer. Past the bound those with more than their share end,
/// and the others go on.
final class RecordingBacklog: Sendable {
    private let bound: Int
    private let bytes = Atomic<Int>(0)
    /// Recordings with bytes that wait.
    private let recordings = Atomic<Int>(0)

    init(bound: Int = 256 << 20) { self.bound = bound }

    var isEmpty: Bool { bytes.load(ordering: .relaxed) == 0 && recordings.load(ordering: .relaxed) == 0 }

    /// Of one recording so many bytes wait now, and so many did before.
    func change(from old: Int, to new: Int) {
        if new == old { return }
        bytes.wrappingAdd(new - old, ordering: .relaxed)
        if old == 0 { recordings.wrappingAdd(1, ordering: .relaxed) }
        if new == 0 { recordings.wrappingSubtract(1, ordering: .relaxed) }
    }

    /// Too much waits, and more than its share of the recording of which `own` bytes do.
    func isPassed(own: Int) -> Bool {
        guard bytes.load(ordering: .relaxed) > bound else { return false }
        return own > bound / max(1, recordings.load(ordering: .relaxed))
    }
}
