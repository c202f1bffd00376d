import HMMHarness
import HMMTranscript

/// A transcript file, and its play against an engine.
enum TranscriptTarget {
    static func run(_ input: UnsafeRawBufferPointer) {
        guard input.count < 1 << 16,
            let transcript = try? TranscriptParser.parse(String(decoding: input, as: UTF8.self), file: "fuzz")
        else { return }
        var printer = TranscriptPrinter(names: transcript.connectionNames)
        EngineTarget.play { peer in try peer.play(transcript) { _ = printer.show($0) } }
        _ = printer.finish()
    }
}
