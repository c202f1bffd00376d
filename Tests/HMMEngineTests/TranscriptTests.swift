import Foundation
import HMMHarness
import HMMProtocol
import HMMTranscript
import Testing

/// Every transcript, played against the engine in memory.
@Suite struct TranscriptTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Transcripts")

    static let files: [String] = {
        let all = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(".hmm") }.sorted()
    }()

    @Test func thereAreTranscripts() { #expect(Self.files.count > 1) }

    static func transcript(_ file: String) throws -> Transcript {
        try TranscriptParser.parse(try String(contentsOf: folder.appending(path: file), encoding: .utf8), file: file)
    }

    @Test(arguments: files) func plays(_ file: String) throws {
        var peer = EnginePeer()
        try peer.play(try Self.transcript(file))
    }

    /// Those that show neither the limits nor the number of an operation: what is cut short takes one.
    static let filesWithoutSlices = files.filter { file in
        guard let text = try? String(contentsOf: folder.appending(path: file), encoding: .utf8) else { return true }
        return !text.contains("name=slice") && !text.contains(" op=")
    }

    /// However small the slices that work is cut into, the answers are the same.
    @Test(arguments: filesWithoutSlices) func slicesDoNotShow(_ file: String) throws {
        var limits = Limits()
        limits.slice = 300
        var peer = EnginePeer(limits: limits)
        peer.checksState = false
        try peer.play(try Self.transcript(file))
    }

    /// Equal inputs give equal effects, byte for byte.
    @Test(arguments: files) func isDeterministic(_ file: String) throws {
        let transcript = try Self.transcript(file)
        var first = EnginePeer()
        var second = EnginePeer()
        try first.play(transcript)
        try second.play(transcript)
        #expect(first.output == second.output)
    }
}
