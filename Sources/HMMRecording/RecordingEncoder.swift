public import HMMEngine
public import HMMProtocol

/// Makes the bytes of a recording. They collect in `bytes`, from where the owner takes them.
///
/// A record is four bytes of length, four of checksum (the low half of XXH64 of the body, seeded with the record's
/// number), and the body: kind, time since the record before, what happened, digest and length of the output, perhaps
/// the output.
public struct RecordingEncoder: ~Copyable {
    /// Encoded and not yet taken.
    public private(set) var bytes: WireBuffer
    private let holdsOutput: Bool
    private var number: UInt64 = 0
    private var latest = Instant(nanoseconds: 0)
    private var previous = Instant(nanoseconds: 0)
    /// Where the record that is being made begins.
    private var start = 0

    public init(_ header: RecordingHeader) {
        bytes = WireBuffer(capacity: 4096)
        holdsOutput = header.holdsOutput
        header.encode(into: &bytes)
    }

    /// Records made so far.
    public var count: UInt64 { number }

    // MARK: Records

    /// Whole requests of one connection, one after the other, and what the engine made of them.
    public mutating func record(
        requests: UnsafeRawBufferPointer, of connection: ConnectionID, at now: Instant,
        causing effects: borrowing Effects
    ) {
        begin(.requests, now)
        bytes.put(varint: UInt64(connection.rawValue))
        bytes.put(varint: UInt64(requests.count))
        bytes.append(requests)
        end(effects)
    }

    /// An input that has no bytes of its own. Requests have; see above.
    public mutating func record(_ input: Input, at now: Instant, causing effects: borrowing Effects) {
        switch input {
        case .connected(let id, let principal):
            begin(.connected, now, id)
            bytes.put(text: principal.tenant.description)
            bytes.put(text: principal.authentication.rawValue)
            bytes.put(text: principal.role.rawValue)
        case .disconnected(let id): begin(.disconnected, now, id)
        case .refused(let id, let tag, let failure, let closes):
            begin(.refused, now, id)
            put(tag, failure, closes)
        case .drained(let id): begin(.drained, now, id)
        case .close(let id, let reason):
            begin(.close, now, id)
            bytes.put(text: reason.rawValue)
        case .policy(let policy):
            begin(.policy, now)
            bytes.put(text: RecordedPolicy.lines(policy).joined(separator: "\n"))
        case .recording(let news):
            begin(.recording, now)
            bytes.put(text: news.description)
        case .unsent(let count):
            begin(.unsent, now)
            bytes.put(varint: count)
        case .drain: begin(.drain, now)
        case .inspect: begin(.inspect, now)
        case .tick: begin(.tick, now)
        case .request:
            // Its bytes are wanted, not what they mean.
            return
        }
        end(effects)
    }

    /// The last record of all.
    public mutating func end(_ reason: RecordingEnd) {
        begin(.end, latest)
        bytes.put(text: reason.rawValue)
        end(Effects())
    }

    /// Takes back the record made last, which has not been taken yet.
    public mutating func dropLast() {
        bytes.truncate(to: start)
        number -= 1
        latest = previous
    }

    private mutating func put(_ tag: Tag, _ failure: Failure, _ closes: Bool) {
        bytes.put(text: tag.description)
        bytes.put(text: failure.code.rawValue)
        bytes.put(text: failure.errno.rawValue)
        bytes.append(
            (closes ? 1 : 0) | (failure.address == nil ? 0 : 2) | (failure.retryAfterMilliseconds == nil ? 0 : 4))
        bytes.put(varint: failure.address ?? 0)
        bytes.put(varint: failure.retryAfterMilliseconds ?? 0)
        bytes.put(text: failure.text)
    }

    // MARK: Frames

    @inline(__always)
    private mutating func begin(_ kind: RecordKind, _ now: Instant) {
        start = bytes.count
        bytes.put(UInt64(0))
        bytes.append(kind.rawValue | (holdsOutput ? RecordKind.withOutput : 0))
        bytes.put(varint: now.nanoseconds &- latest.nanoseconds)
        previous = latest
        latest = now
        number += 1
    }

    @inline(__always)
    private mutating func begin(_ kind: RecordKind, _ now: Instant, _ connection: ConnectionID) {
        begin(kind, now)
        bytes.put(varint: UInt64(connection.rawValue))
    }

    @inline(__always)
    private mutating func end(_ effects: borrowing Effects) {
        bytes.put(effects.digest())
        bytes.put(varint: UInt64(effects.text.count))
        if holdsOutput { put(outputOf: effects) }
        let body = UnsafeRawBufferPointer(rebasing: bytes.bytes[(start + 8)...])
        let length = UInt32(truncatingIfNeeded: body.count)
        let checksum = UInt32(truncatingIfNeeded: XXHash64.hash(body, seed: number))
        bytes.overwrite(at: start, UInt64(length) | UInt64(checksum) << 32)
    }

    private mutating func put(outputOf effects: borrowing Effects) {
        bytes.put(varint: UInt64(effects.segmentCount))
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            bytes.put(varint: UInt64(segment.connection.rawValue))
            bytes.put(varint: UInt64(segment.range.count))
            bytes.append(UnsafeRawBufferPointer(rebasing: effects.text.bytes[segment.range]))
        }
    }

    // MARK: Taking

    /// Exchanges what has been encoded for `other`, which is emptied first.
    public mutating func take(into other: inout WireBuffer) {
        other.removeAll()
        other.shrink(to: 1 << 20)
        swap(&bytes, &other)
    }
}
