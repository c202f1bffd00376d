internal import HMMProtocol

/// How much output may pile up at each place before something is done about it.
///
/// Together they stay below `Limits.unsentBytes`, even if the last answer is as long as an answer may be: a client
/// that asks for much and reads slowly is slowed down, not cut off.
struct OutputBounds {
    /// Bytes of lines after which an engine's run ends.
    let run: Int
    /// Bytes waiting for the socket above which no further requests are begun.
    let high: Int
    /// Bytes waiting for the socket below which requests are begun again.
    let low: Int

    init(_ limits: Limits) {
        run = max(1, min(256 * 1024, limits.unsentBytes / 16))
        high = max(2, min(512 * 1024, limits.unsentBytes / 8))
        low = max(1, high / 4)
    }

    /// Plaintext that is encrypted into one buffer: with TLS's additions it fills a power of two, to which buffers are
    /// rounded, and stays small enough to come from the heap and not from a mapping of its own.
    static let piece = 15 * 16384
}
