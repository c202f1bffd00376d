import Foundation
import Testing

@testable import HMMServer

@Suite("docs/operations.md")
struct DocumentTests {
    @Test("Its generated parts say what the code does")
    func operations() throws {
        var root = URL(filePath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let text = try String(contentsOf: root.appending(path: "docs/operations.md"), encoding: .utf8)
        for part in OperationsDocument.Part.allCases {
            #expect(text.contains("<!-- generated: \(part.rawValue) -->"))
        }
        #expect(OperationsDocument.regenerated(document: text) == text, "run: make docs")
    }
}
