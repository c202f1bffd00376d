internal import HMMProtocol

/// How much output may pile up at each place before something is done about it.
///
/// Together they stay below `Limits.unsentBytes`, even if the last answer is as long as an answer may be: a client
/// that asks for much and reads slowly is slowed down, not cut off.
struct OutputBounds {
    /// Bytes of lines after which an engine's run ends.
    let run: Int
    /// Bytes waiting for the socket from which on no further requests are begun, until all have been taken.
    let high: Int

    init(_ limits: Limits) {
        run = max(1, min(256 * 1024, limits.unsentBytes / 16))
        high = max(2, min(512 * 1024, limits.unsentBytes / 8))
    }
}
