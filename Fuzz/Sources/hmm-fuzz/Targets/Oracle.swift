import HMMOracle
import HMMTranscript

/// A scenario of the oracle, carried out by an engine.
enum OracleTarget {
    static func run(_ input: UnsafeRawBufferPointer) {
        guard input.count < 4096 else { return }
        let scenario = Scenario(String(decoding: input, as: UTF8.self))
        var peer = EnginePeer()
        let results = (try? peer.play(scenario)) ?? []
        _ = OracleDifference(expected: String(decoding: input, as: UTF8.self), results: results)
        peer.leaveNothing()
    }
}

extension EnginePeer: OraclePeer {
    struct Unanswered: Error {}

    mutating func ask(_ requests: [String]) throws -> [OracleAnswer] {
        if connections["oracle"] == nil { connect("oracle", tenant: "ci") }
        var collected = OracleAnswers()
        return try requests.map { request in
            send(Array(request.utf8) + [10], on: "oracle")
            while case .line(let item) = receive(on: "oracle") {
                if let answer = collected.take(item.line) { return answer }
            }
            throw Unanswered()
        }
    }
}
