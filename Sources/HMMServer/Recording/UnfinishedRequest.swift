internal import HMMProtocol

/// The bytes of a request that has begun and not ended, kept for the recording of the whole.
struct UnfinishedRequest {
    private(set) var bytes: [UInt8] = []

    /// After a reader has consumed `more` without finding a whole request: what belongs to the one that goes on.
    mutating func append(_ more: UnsafeRawBufferPointer, of reader: borrowing RequestReader) {
        let count = reader.unfinishedCount
        if more.count >= count { bytes.removeAll() }
        bytes.append(contentsOf: more.suffix(count))
        if bytes.count > count { bytes.removeFirst(bytes.count - count) }
    }

    /// Nobody records any more.
    @inline(__always)
    mutating func forget() { if !bytes.isEmpty { bytes = [] } }

    /// The request has ended.
    mutating func take() -> [UInt8] {
        if bytes.isEmpty { return [] }
        defer { bytes = [] }
        return bytes
    }
}
