/// What is recorded, where, and how surely it is kept.
public struct RecordingPolicy: Sendable {
    /// When what has been written is forced to the disk. Either way it is handed to the kernel within a fraction of a
    /// second, and so outlives the process.
    public enum Sync: String, Sendable, CaseIterable {
        /// When the kernel likes.
        case never
        /// Each second.
        case interval
    }

    /// The least bound on the bytes of a recording: a header is some thousand long.
    public static let leastBytes: UInt64 = 1 << 16

    /// The directory, made if it is missing.
    public var folder: String
    /// Bytes of one recording, at most.
    public var bytes: UInt64 = 256 << 20
    /// Recordings in the directory, at most; further tenants go unrecorded.
    public var files = 1000
    public var sync = Sync.interval
    /// The output itself is kept, not only its digests: a divergence can then be shown on both sides.
    public var holdsOutput = false

    public init(folder: String) { self.folder = folder }
}
