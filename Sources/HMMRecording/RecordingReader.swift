internal import HMMEngine
internal import HMMProtocol

/// Reads a recording that lies in memory, record by record. Whatever the bytes are, it never traps, and it copies no
/// more than they hold.
public struct RecordingReader {
    public let header: RecordingHeader
    /// Bytes read so far: whole records only.
    public private(set) var offset: Int
    private var number: UInt64 = 0
    private var latest = Instant(nanoseconds: 0)
    private var hasEnded = false

    /// - Throws: when the header cannot be read; a torn one is damage, too.
    public init(_ bytes: UnsafeRawBufferPointer) throws(RecordingError) {
        guard let (header, length) = try RecordingHeader.decode(bytes) else { throw .damaged(at: bytes.count) }
        self.header = header
        offset = length
    }

    /// The next record of the same bytes; nil at the end, or where the last record is not whole: `offset` then says
    /// how far the whole ones go.
    ///
    /// - Throws: when the record is not what was written; every later call says the same.
    public mutating func next(_ bytes: UnsafeRawBufferPointer) throws(RecordingError) -> Record? {
        if hasEnded, offset < bytes.count { throw .damaged(at: offset) }
        guard bytes.count - offset >= 8 else { return nil }
        let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let length = Int(word & 0xffff_ffff)
        guard length > 0, length <= RecordKind.longest else {
            // A file system may have given the file its length, and not its last bytes.
            if bytes[offset...].allSatisfy({ $0 == 0 }) { return nil }
            throw .damaged(at: offset)
        }
        guard bytes.count - offset - 8 >= length else {
            guard TornTail.isDamage(bytes, at: offset, number: number + 1) else { return nil }
            throw .damaged(at: offset)
        }
        let body = UnsafeRawBufferPointer(rebasing: bytes[offset + 8..<offset + 8 + length])
        guard UInt32(truncatingIfNeeded: XXHash64.hash(body, seed: number + 1)) == UInt32(word >> 32) else {
            throw .damaged(at: offset)
        }
        guard let record = decode(body) else {
            throw .unreadable("record \(number + 1) at byte \(offset) is whole, but not of a form known here")
        }
        number += 1
        latest = record.time
        offset += 8 + length
        if case .end = record.event { hasEnded = true }
        return record
    }

    // MARK: Bodies

    private func decode(_ body: UnsafeRawBufferPointer) -> Record? {
        var fields = FieldReader(body)
        guard let first = fields.byte(), let kind = RecordKind(rawValue: first & ~RecordKind.withOutput),
            let delta = fields.varint()
        else { return nil }
        let (nanoseconds, overflow) = latest.nanoseconds.addingReportingOverflow(delta)
        // Room for every wait that may be added to it.
        guard !overflow, nanoseconds <= UInt64.max / 2, let event = Self.event(kind, &fields),
            let digest = fields.long(), let length = fields.varint()
        else { return nil }
        var output: [Record.Piece]?
        if first & RecordKind.withOutput != 0 {
            guard let pieces = Self.pieces(&fields) else { return nil }
            output = pieces
        }
        guard fields.isAtEnd else { return nil }
        return Record(
            number: number + 1, offset: offset, time: Instant(nanoseconds: nanoseconds), event: event,
            outputLength: length, digest: digest, output: output)
    }

    private static func event(_ kind: RecordKind, _ fields: inout FieldReader) -> Record.Event? {
        switch kind {
        case .drain: return .input(.drain)
        case .tick: return .input(.tick)
        case .inspect: return .input(.inspect)
        case .policy: return fields.text().flatMap { RecordedPolicy.policy($0) }.map { .input(.policy($0)) }
        case .recording: return fields.text().flatMap { RecordedNews.news($0) }.map { .input(.recording($0)) }
        case .unsent: return fields.varint().map { .input(.unsent($0)) }
        case .end: return fields.text().flatMap { RecordingEnd(rawValue: $0) }.map { .end($0) }
        case .requests, .connected, .disconnected, .refused, .drained, .close: break
        }
        guard let id = fields.small().map({ ConnectionID(rawValue: $0) }) else { return nil }
        switch kind {
        case .requests: return fields.octets().map { .requests(id, $0) }
        case .connected: return principal(&fields).map { .input(.connected(id, $0)) }
        case .disconnected: return .input(.disconnected(id))
        case .drained: return .input(.drained(id))
        case .close:
            return fields.text().flatMap { CloseReason(rawValue: $0) }.map { .input(.close(id, $0)) }
        case .refused: return refusal(id, &fields).map { .input($0) }
        case .policy, .recording, .unsent, .drain, .tick, .inspect, .end: return nil
        }
    }

    private static func principal(_ fields: inout FieldReader) -> Principal? {
        guard let tenant = fields.name(),
            let authentication = fields.text().flatMap({ Principal.Authentication(rawValue: $0) }),
            let role = fields.text().flatMap({ Role(rawValue: $0) })
        else { return nil }
        return Principal(tenant: tenant, authentication: authentication, role: role)
    }

    private static func refusal(_ id: ConnectionID, _ fields: inout FieldReader) -> Input? {
        guard let tag = fields.name(), let code = fields.text().flatMap({ ErrorCode(rawValue: $0) }),
            let errno = fields.text().flatMap({ Errno(rawValue: $0) }), let flags = fields.byte(),
            let address = fields.varint(), let retry = fields.varint(), let text = fields.text()
        else { return nil }
        let failure = Failure(
            code, text, errno: errno, address: flags & 2 == 0 ? nil : address,
            retryAfterMilliseconds: flags & 4 == 0 ? nil : retry)
        return .refused(id, tag, failure, closes: flags & 1 != 0)
    }

    private static func pieces(_ fields: inout FieldReader) -> [Record.Piece]? {
        guard let count = fields.varint() else { return nil }
        var pieces: [Record.Piece] = []
        for _ in 0..<count {
            guard let id = fields.small(), let bytes = fields.octets() else { return nil }
            pieces.append(Record.Piece(connection: ConnectionID(rawValue: id), bytes: bytes))
        }
        return pieces
    }
}
