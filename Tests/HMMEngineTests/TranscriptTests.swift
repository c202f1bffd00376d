import Foundation
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

    @Test(arguments: files) func plays(_ file: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
        var peer = EnginePeer()
        try peer.play(try TranscriptParser.parse(text, file: file))
    }

    /// Equal inputs give equal effects, byte for byte.
    @Test(arguments: files) func isDeterministic(_ file: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
        let transcript = try TranscriptParser.parse(text, file: file)
        var first = EnginePeer()
        var second = EnginePeer()
        try first.play(transcript)
        try second.play(transcript)
        #expect(first.output == second.output)
    }
}
