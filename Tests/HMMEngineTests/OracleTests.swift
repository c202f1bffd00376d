import Foundation
import HMMHarness
import HMMOracle
import HMMProtocol
import HMMTranscript
import Testing

/// What a real kernel did, done by the engine in memory; `HMM_ORACLE` names further folders of scenarios.
@Suite struct OracleTests {
    static let files: [URL] = {
        let own = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Oracle")
        let others = ProcessInfo.processInfo.environment["HMM_ORACLE"]?.split(separator: ":") ?? []
        return ([own] + others.map { URL(filePath: String($0)) }).flatMap(scenarios)
    }()

    /// The scenarios below a folder.
    private static func scenarios(_ folder: URL) -> [URL] {
        let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".scn") }.sorted().map { folder.appending(path: $0) }
    }

    @Test func thereAreScenarios() { #expect(Self.files.count > 20) }

    @Test(arguments: files) func isAsTheKernelDid(_ file: URL) throws {
        let scenario = Scenario(try String(contentsOf: file, encoding: .utf8))
        let results = file.deletingPathExtension().appendingPathExtension("expected")
        var peer = EnginePeer()
        let difference = OracleDifference(
            expected: try String(contentsOf: results, encoding: .utf8), results: try peer.play(scenario))
        #expect(difference == nil, "\(file.path):\(difference?.description ?? "")")
    }
}
