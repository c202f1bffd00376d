public import HMMEngine
internal import HMMProtocol

/// Carries a recording out again and holds what comes of it against what came of it then.
public struct Replay: ~Copyable {
    /// Where a replay went another way.
    public struct Divergence: Error, Equatable, Sendable {
        public var record: Record
        /// Number of the record's first input, from 1.
        public var input: UInt64
        /// What it caused this time.
        public var output: [Record.Piece]
        public var outputLength: UInt64
        public var digest: UInt64
    }

    /// What the last record caused.
    public private(set) var effects = Effects()
    /// The last record went on with work that had been cut short.
    public private(set) var goesOn = false
    /// Inputs carried out: a record of requests has as many as there are.
    public private(set) var inputs: UInt64 = 0
    /// Bytes that came of them.
    public private(set) var outputBytes: UInt64 = 0

    private var engine: Engine
    private let limits: Limits
    private var lastConnection: UInt32 = 0

    public init(_ header: RecordingHeader) {
        limits = header.limits
        engine = Engine(limits: header.limits, policy: header.policy)
    }

    /// Carries out one record; `effects` then holds what it caused.
    ///
    /// - Throws: `Divergence` when that is not what it caused then, `RecordingError` when no server records such a
    ///   thing.
    public mutating func play(_ record: Record) throws {
        let first = inputs + 1
        effects.removeAll()
        goesOn = engine.isCut
        engine.recordedBytes = UInt64(record.offset)
        switch record.event {
        case .end: return
        case .input(let input): try carryOut(input, record)
        case .requests(let connection, let bytes): try carryOut(bytes, of: connection, record)
        }
        outputBytes += UInt64(effects.text.count)
        let digest = effects.digest()
        guard digest != record.digest || UInt64(effects.text.count) != record.outputLength else { return }
        throw Divergence(
            record: record, input: first, output: effects.pieces, outputLength: UInt64(effects.text.count),
            digest: digest)
    }

    private mutating func carryOut(_ input: Input, _ record: Record) throws(RecordingError) {
        if case .connected(let id, _) = input {
            guard id.rawValue > lastConnection else {
                throw .unreadable("record \(record.number): connection \(id.rawValue) out of order")
            }
            lastConnection = id.rawValue
        }
        inputs += 1
        engine.handle(input, at: record.time, into: &effects)
    }

    private mutating func carryOut(
        _ bytes: [UInt8], of connection: ConnectionID, _ record: Record
    ) throws(RecordingError) {
        var reader = RequestReader(limits: limits)
        let isWhole = bytes.withUnsafeBytes { bytes in
            var offset = 0
            while let item = reader.next(bytes, &offset) {
                inputs += 1
                engine.handle(item, from: connection, at: record.time, into: &effects)
            }
            return offset == bytes.count && !reader.isMidRequest
        }
        guard isWhole else { throw .unreadable("record \(record.number): the last request is not whole") }
    }

    /// When a `tick` would be due.
    public var nextDeadline: Instant? { engine.nextDeadline }
}

extension Effects {
    /// What was said, by connection.
    var pieces: [Record.Piece] {
        (0..<segmentCount).map { index in
            let segment = segment(index)
            return Record.Piece(connection: segment.connection, bytes: Array(text.bytes[segment.range]))
        }
    }
}
