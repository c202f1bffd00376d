import HMMEngine
import HMMProtocol

@testable import HMMRecording

/// A tenant in memory that is recorded: clients are numbers, time is a number.
struct RecordedTenant: ~Copyable {
    private var engine: Engine
    private var encoder: RecordingEncoder
    private var effects = Effects()
    private var now = Instant(nanoseconds: 5_000_000_000)
    /// What each record's input caused, in order.
    private(set) var output: [[UInt8]] = []
    private let limits: Limits

    static func header(holdsOutput: Bool = false, limits: Limits = Limits()) -> RecordingHeader {
        RecordingHeader(
            tenant: ShortName("ci") ?? .none, engineVersion: Engine.version, startSeconds: 1_700_000_000,
            holdsOutput: holdsOutput, limits: limits, policy: TenantPolicy())
    }

    init(holdsOutput: Bool = false, limits: Limits = Limits()) {
        self.limits = limits
        engine = Engine(limits: limits)
        encoder = RecordingEncoder(Self.header(holdsOutput: holdsOutput, limits: limits))
    }

    mutating func connect(_ id: UInt32) {
        handle(
            .connected(
                ConnectionID(rawValue: id), Principal(tenant: ShortName("ci") ?? .none, authentication: .mutualTLS)))
    }

    mutating func handle(_ input: Input) {
        effects.removeAll()
        engine.recordedBytes = UInt64(encoder.bytes.count)
        engine.handle(input, at: now, into: &effects)
        encoder.record(input, at: now, causing: effects)
        output.append(Array(effects.text.bytes))
    }

    /// Whole requests in one piece.
    mutating func send(_ text: String, on id: UInt32) {
        effects.removeAll()
        engine.recordedBytes = UInt64(encoder.bytes.count)
        now.nanoseconds += 1_500_000
        var reader = RequestReader(limits: limits)
        Array(text.utf8).withUnsafeBytes { bytes in
            var offset = 0
            while let item = reader.next(bytes, &offset) {
                engine.handle(item, from: ConnectionID(rawValue: id), at: now, into: &effects)
            }
            encoder.record(
                requests: bytes, of: ConnectionID(rawValue: id), at: now, causing: effects)
        }
        output.append(Array(effects.text.bytes))
    }

    mutating func pass(milliseconds: UInt64) {
        now.nanoseconds += milliseconds * 1_000_000
        handle(.tick)
    }

    mutating func end(_ reason: RecordingEnd) { encoder.end(reason) }

    /// The recording so far.
    borrowing func recording() -> [UInt8] { Array(encoder.bytes.bytes) }

    /// Two clients, a driver and a process; a literal, an error, an invalidation, a lease that runs out, an ending.
    static func day(holdsOutput: Bool = false) -> [UInt8] {
        var tenant = RecordedTenant(holdsOutput: holdsOutput)
        tenant.connect(1)
        tenant.connect(2)
        tenant.send("mm.create\nmmap 1 0x10000 4p\nwrite 1 0x10000 {5}\nhello\ndev.create gpu0\n", on: 1)
        tenant.send("mirror 1 gpu0 lease=300\nfault 1 0x10000 1p\nnonsense\n", on: 2)
        tenant.send("#1 munmap 1 0x10000 1p\nread 1 0x11000 4\n", on: 1)
        tenant.pass(milliseconds: 300)
        tenant.handle(
            .refused(
                ConnectionID(rawValue: 1), ShortName("t") ?? .none,
                Failure(.busy, "later", address: 7, retryAfterMilliseconds: 9), closes: false))
        tenant.send("quit\n", on: 2)
        tenant.handle(.disconnected(ConnectionID(rawValue: 2)))
        tenant.handle(.drain)
        tenant.handle(.disconnected(ConnectionID(rawValue: 1)))
        tenant.end(.closed)
        return tenant.recording()
    }
}

/// Reads `bytes` to their end: the records, and what ended it.
func read(_ bytes: [UInt8]) -> (records: [Record], whole: Int, error: RecordingError?) {
    bytes.withUnsafeBytes { bytes in
        var records: [Record] = []
        do throws(RecordingError) {
            var reader = try RecordingReader(bytes)
            do throws(RecordingError) {
                while let record = try reader.next(bytes) { records.append(record) }
                return (records, reader.offset, nil)
            } catch {
                return (records, reader.offset, error)
            }
        } catch {
            return ([], 0, error)
        }
    }
}
