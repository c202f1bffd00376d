import HMMHarness
import HMMOracle

/// A scenario of the oracle, carried out by an engine.
enum OracleTarget {
    static func run(_ input: UnsafeRawBufferPointer) {
        guard input.count < 4096 else { return }
        let text = String(decoding: input, as: UTF8.self)
        EngineTarget.play { peer in
            let results = (try? peer.play(Scenario(text))) ?? []
            _ = OracleDifference(expected: text, results: results)
        }
    }
}
