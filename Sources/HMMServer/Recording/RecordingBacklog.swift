/// Bytes of all recordings of a folder that wait for the writer. Past the bound those with more than their share end,
/// and the others go on.
final class RecordingBacklog: Sendable {
    /// Among the recordings with bytes that wait.
    private let waiting = SharedBytes(bound: 256 << 20)

    var isEmpty: Bool { waiting.isEmpty }

    /// Of one recording so many bytes wait now, and so many did before.
    func change(from old: Int, to new: Int) {
        if new == old { return }
        waiting.change(by: new - old)
        if old == 0 { waiting.join() }
        if new == 0 { waiting.leave() }
    }

    /// Too much waits, and more than its share of the recording of which `own` bytes do.
    func isPassed(own: Int) -> Bool { waiting.isPassed(own: own) }
}
