import Foundation
import HMMProtocol
import Testing

/// `docs/protocol.md` says what the code does.
@Suite struct ProtocolDocumentTests {
    static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/protocol.md")

    private let document = (try? String(contentsOf: file, encoding: .utf8)) ?? ""

    @Test func isUpToDate() {
        let isUpToDate = ProtocolDocument.regenerated(document: document) == document
        #expect(isUpToDate, "docs/protocol.md differs from the code: run `make docs` and look at what has changed")
    }

    @Test(arguments: ProtocolDocument.Part.allCases) func hasEveryPartOnce(_ part: ProtocolDocument.Part) {
        let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.filter { $0 == part.opening }.count == 1)
        #expect(document.contains("\(part.opening)\n\n\(part.markdown)\n\n\(ProtocolDocument.closing)\n"))
    }

    @Test func partsAreComplete() {
        for spec in VerbName.allCases.map(\.spec) {
            #expect(ProtocolDocument.Part.verbs.markdown.contains("\n#### `\(spec.name)`\n\n\(spec.summary)\n"))
            #expect(spec.kernel.isEmpty || ProtocolDocument.Part.kernel.markdown.contains("| `\(spec.name)` | "))
        }
        for row in Limits().rows {
            #expect(ProtocolDocument.Part.limits.markdown.contains("| `\(row.name)` | \(row.value) | "))
        }
    }

    /// Tables stay tables whatever a cell says.
    @Test(arguments: ProtocolDocument.Part.allCases) func tablesAreRegular(_ part: ProtocolDocument.Part) {
        var columns = 0
        for line in part.markdown.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix("|") else {
                columns = 0
                continue
            }
            let bars = line.replacing("\\|", with: "").count { $0 == "|" }
            #expect(columns == 0 || bars == columns, "\(line)")
            columns = bars
        }
    }

    @Test func leavesTheRestAlone() {
        let before =
            "a\n<!-- generated: errors -->\nold\n<!-- end -->\nb\n<!-- generated: nothing -->\nc\n<!-- end -->\n"
        let after = ProtocolDocument.regenerated(document: before)
        #expect(after == before.replacing("\nold\n", with: "\n\n\(ProtocolDocument.Part.errors.markdown)\n\n"))
        #expect(ProtocolDocument.regenerated(document: after) == after)
        let unended = "<!-- generated: errors -->\nold\n"
        #expect(ProtocolDocument.regenerated(document: unended) == unended)
        #expect(ProtocolDocument.regenerated(document: "") == "")
    }

    /// The limits that the text of the manual names.
    @Test func namesTheRightErrnos() {
        #expect(document.contains("`NOMAP` has `ENOMEM`") && document.contains("`EINVAL`"))
    }
}
