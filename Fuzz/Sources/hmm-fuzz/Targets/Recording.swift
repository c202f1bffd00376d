import HMMEngine
import HMMHarness
import HMMProtocol
import HMMRecording

/// A recording that somebody hands to `hmmd replay`, and one of what a client has said.
enum RecordingTarget {
    /// The first byte chooses: the rest is a file, a file whose checksums are to be put right, or requests that are
    /// recorded.
    static func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first, input.count < 1 << 16 else { return }
        let rest = UnsafeRawBufferPointer(rebasing: input[1...])
        switch first & 3 {
        case 0: _ = try? replay(rest)
        case 2: forge(Array(rest))
        default: replayWhatIsSaid(rest, holdsOutput: first & 2 != 0)
        }
    }

    private static func replayWhatIsSaid(_ octets: UnsafeRawBufferPointer, holdsOutput: Bool) {
        let file = recorded(octets, holdsOutput: holdsOutput)
        do {
            let count = try file.withUnsafeBytes { try replay($0) }
            guard count > 0 else { finding("nothing to replay") }
        } catch {
            finding("what was recorded does not replay: \(error)")
        }
    }

    /// Returns the inputs carried out.
    private static func replay(_ bytes: UnsafeRawBufferPointer) throws -> UInt64 {
        var reader = try RecordingReader(bytes)
        var replay = Replay(reader.header)
        while let record = try reader.next(bytes) { try replay.play(record) }
        return replay.inputs
    }

    // MARK: Files that somebody has forged

    /// Whoever makes a file makes its checksums, too: what lies behind them has to bear anything. Nobody who forges an
    /// input knows what it causes, so that a divergence does not end the replay here.
    private static func forge(_ file: [UInt8]) {
        let sealed = sealed(file)
        sealed.withUnsafeBytes { bytes in
            guard var reader = try? RecordingReader(bytes) else { return }
            var replay = Replay(modest(reader.header))
            while let record = try? reader.next(bytes) {
                do { try replay.play(record) } catch is Replay.Divergence {} catch { return }
            }
        }
    }

    /// As little memory as the other targets have, whatever the file asks for.
    private static func modest(_ header: RecordingHeader) -> RecordingHeader {
        var header = header
        header.limits.residentBytes = min(header.limits.residentBytes, Limits.narrow.residentBytes)
        header.limits.migrationPages = min(header.limits.migrationPages, Limits.narrow.migrationPages)
        return header
    }

    /// The file with checksums that fit, and no length beyond its end.
    private static func sealed(_ file: [UInt8]) -> [UInt8] {
        var file = file
        guard file.count > 20 else { return file }
        let text = 20..<20 + min(Int(length(in: file, at: 8)), file.count - 20)
        put(UInt32(text.count), in: &file, at: 8)
        put(hash(file[text], seed: 0), in: &file, at: 12)
        var end = text.upperBound
        var number: UInt64 = 0
        while file.count - end > 8 {
            number += 1
            let start = end
            end = start + 8 + max(1, min(Int(length(in: file, at: start)), file.count - start - 8))
            put(UInt32(end - start - 8), in: &file, at: start)
            put(UInt32(truncatingIfNeeded: hash(file[start + 8..<end], seed: number)), in: &file, at: start + 4)
        }
        return file
    }

    private static func length(in file: [UInt8], at offset: Int) -> UInt32 {
        file[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func put<Number: FixedWidthInteger>(_ number: Number, in file: inout [UInt8], at offset: Int) {
        withUnsafeBytes(of: number.littleEndian) { file.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }

    private static func hash(_ bytes: ArraySlice<UInt8>, seed: UInt64) -> UInt64 {
        bytes.withUnsafeBytes { XXHash64.hash($0, seed: seed) }
    }

    // MARK: Recordings made here

    /// What a client says, in three pieces a millisecond apart.
    static func recorded(_ octets: UnsafeRawBufferPointer, holdsOutput: Bool) -> [UInt8] {
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
