public import HMMEngine
internal import HMMProtocol

extension Effects {
    /// One number for everything an input caused: bytes, whom they are for, and signals, in their order.
    public func digest() -> UInt64 {
        var digest = XXHash64.hash(text.bytes)
        for index in 0..<segmentCount {
            let segment = segment(index)
            digest = XXHash64.combine(
                digest, UInt64(segment.connection.rawValue) << 32 ^ UInt64(segment.range.count))
        }
        for signal in signals { digest = XXHash64.combine(digest, signal.number) }
        return digest
    }
}

extension Effects.Signal {
    /// The signal as a number. Part of the format: a change of one makes old recordings diverge.
    fileprivate var number: UInt64 {
        switch self {
        case .close(let id, let reason):
            Array(reason.rawValue.utf8).withUnsafeBytes { XXHash64.hash($0, seed: UInt64(id.rawValue)) }
        case .pauseReading(let id): 1 << 32 | UInt64(id.rawValue)
        case .resumeReading(let id): 2 << 32 | UInt64(id.rawValue)
        case .awaitDrain(let id): 3 << 32 | UInt64(id.rawValue)
        case .startRecording: 4 << 32
        case .stopRecording: 5 << 32
        }
    }
}
