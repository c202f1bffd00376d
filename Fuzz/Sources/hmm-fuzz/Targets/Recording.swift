import HMMEngine
import HMMProtocol
import HMMRecording

/// A recording that somebody hands to `hmmd replay`, and one of what a client has said.
enum RecordingTarget {
    /// The first byte chooses: the rest is a file, or requests that are recorded.
    static func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first, input.count < 1 << 16 else { return }
        let rest = UnsafeRawBufferPointer(rebasing: input[1...])
        if first & 1 == 0 {
            _ = try? replay(rest)
        } else {
            let file = recorded(rest, holdsOutput: first & 2 != 0)
            do {
                let count = try file.withUnsafeBytes { try replay($0) }
                guard count > 0 else { finding("nothing to replay") }
            } catch {
                finding("what was recorded does not replay: \(error)")
            }
        }
    }

    /// Returns the inputs carried out.
    private static func replay(_ bytes: UnsafeRawBufferPointer) throws -> UInt64 {
        var reader = try RecordingReader(bytes)
        var replay = Replay(reader.header)
        while let record = try reader.next(bytes) { try replay.play(record) }
        return replay.inputs
    }

    private static func recorded(_ octets: UnsafeRawBufferPointer, holdsOutput: Bool) -> [UInt8] {
        let name = ShortName("fuzz") ?? .none
        let limits = Limits()
        var engine = Engine(limits: limits)
        var encoder = RecordingEncoder(
            RecordingHeader(
                tenant: name, engineVersion: Engine.version, startSeconds: 0, holdsOutput: holdsOutput, limits: limits,
                policy: TenantPolicy()))
        var effects = Effects()
        var time: UInt64 = 1
        let client = ConnectionID(rawValue: 1)
        let hello = Input.connected(client, Principal(tenant: name, authentication: .mutualTLS))
        engine.handle(hello, at: Instant(nanoseconds: time), into: &effects)
        encoder.record(hello, at: Instant(nanoseconds: time), causing: effects)
        var reader = RequestReader(limits: limits)
        var offset = 0
        var start = 0
        while let item = reader.next(octets, &offset) {
            time += 1_000_000
            let now = Instant(nanoseconds: time)
            effects.removeAll()
            engine.handle(item, from: client, at: now, into: &effects)
            let source = UnsafeRawBufferPointer(rebasing: octets[start..<offset])
            start = offset
            encoder.record(requests: source, of: client, at: now, causing: effects)
            // Long work goes on by ticks.
            while engine.isCut {
                effects.removeAll()
                engine.handle(.tick, at: now, into: &effects)
                encoder.record(.tick, at: now, causing: effects)
            }
        }
        encoder.end(.closed)
        return Array(encoder.bytes.bytes)
    }
}
