import HMMEngine
import HMMHarness
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

    /// What a client says, in three pieces a millisecond apart.
    private static func recorded(_ octets: UnsafeRawBufferPointer, holdsOutput: Bool) -> [UInt8] {
        var file = WireBuffer()
        EngineTarget.play(limits: Limits()) { peer in
            peer.recorded = holdsOutput ? .inputsAndOutput : .inputs
            try peer.connect("A", tenant: "fuzz")
            for piece in 0..<3 {
                let range = octets.count * piece / 3..<octets.count * (piece + 1) / 3
                try peer.send(Array(octets[range]), on: "A")
                try peer.advance(milliseconds: 1)
            }
            peer.tenants["fuzz"]?.recorder?.end(.closed)
            peer.tenants["fuzz"]?.recorder?.take(into: &file)
        }
        return Array(file.bytes)
    }
}
