import Foundation
import HMMHarness
import HMMTranscript
import Testing

/// Every lesson of `docs/tutorial`, played against the engine in memory.
@Suite struct TutorialTests {
    static let folder = TranscriptTests.folder.deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs/tutorial")

    static let files: [String] = {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return all.filter { $0.hasSuffix(".hmm") }.sorted()
    }()

    private static func text(_ file: String) throws -> String {
        try String(contentsOf: folder.appending(path: file), encoding: .utf8)
    }

    @Test func thereAreLessons() { #expect(Self.files.count > 1) }

    @Test(arguments: files) func plays(_ file: String) throws {
        var peer = EnginePeer()
        try peer.play(try TranscriptParser.parse(try Self.text(file), file: file))
    }

    /// A lesson begins with its number, and says something before the first line of every part.
    @Test(arguments: files) func explains(_ file: String) throws {
        let lesson = try TranscriptParser.parse(try Self.text(file), file: file)
        guard case .heading(let title)? = lesson.steps.first?.action else {
            Issue.record("\(file) begins without a heading")
            return
        }
        #expect(title.hasPrefix("\(Int(file.prefix(2)) ?? 0). "))
        for (step, next) in zip(lesson.steps, lesson.steps.dropFirst()) {
            guard case .heading(let part) = step.action else { continue }
            guard case .remark = next.action else {
                Issue.record("\(file): nothing is said under `\(part)`")
                continue
            }
        }
    }

    /// The table of contents names every lesson once, in order.
    @Test func areInTheTableOfContents() throws {
        let named = try Self.text("README.md").matches(of: /^\| \[[^\]]*\]\((?<file>[^)]*)\)/.anchorsMatchLineEndings())
            .map { String($0.output.file) }
        #expect(named == Self.files)
    }
}
