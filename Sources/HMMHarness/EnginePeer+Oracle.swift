public import HMMOracle
import HMMProtocol
import HMMTranscript

/// Scenarios of the oracle, played by one connection.
extension EnginePeer: OraclePeer {
    /// A request that has to be answered before the next one is not: it waits for somebody else.
    public struct Unanswered: Error, CustomStringConvertible {
        public let description: String
    }

    public mutating func ask(_ requests: [String]) throws -> [OracleAnswer] {
        let name = "oracle"
        if connections[name] == nil { try connect(name, tenant: "ci") }
        var collected = OracleAnswers()
        return try requests.map { request in
            try send(Array(request.utf8) + [10], on: name)
            while case .line(let item) = try receive(on: name) {
                if let answer = collected.take(item.line) { return answer }
            }
            throw Unanswered(description: request)
        }
    }
}
