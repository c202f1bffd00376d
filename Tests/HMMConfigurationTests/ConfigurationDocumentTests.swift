import Foundation
import HMMServer
import Testing

@testable import HMMConfiguration

@Suite struct ConfigurationDocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    @Test func theManualSaysWhatIsRead() throws {
        let manual = try Self.text("docs/configuration.md")
        #expect(ConfigurationDocument.regenerated(document: manual) == manual, "run `make docs`")
        for part in ConfigurationDocument.Part.allCases { #expect(manual.contains(part.opening)) }
    }

    /// What the manual and the package show can be used.
    @Test func theExamplesAreGood() throws {
        let example = try Self.text("packaging/hmmd.yaml")
        _ = try ConfigurationSource(file: "packaging/hmmd.yaml", flags: [:], environment: [:]).read(text: example)
        let manual = try Self.text("docs/configuration.md")
        let blocks = manual.components(separatedBy: "```yaml\n").dropFirst().map {
            $0.components(separatedBy: "\n```")[0]
        }
        #expect(!blocks.isEmpty)
        for block in blocks {
            let source = ConfigurationSource(file: "docs/configuration.md", flags: [.unix: "/s"], environment: [:])
            _ = try source.read(text: block)
        }
    }
}
