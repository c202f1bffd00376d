import HMMOracle
import HMMProtocol

/// A server that answers by the verb from a script, numbers what is made, and says `+` to everything else.
struct FakePeer: OraclePeer {
    /// Lines sent back for a request; the key is the whole request or its verb. The whole request goes first.
    var answers: [String: String] = [:]
    /// Requests by batch.
    private(set) var batches: [[String]] = []
    private var made: [String: Int] = [:]
    private var collected = OracleAnswers()

    init(_ answers: [String: String] = [:]) { self.answers = answers }

    /// Every request, in order.
    var requests: [String] { batches.flatMap { $0 } }

    mutating func ask(_ requests: [String]) throws -> [OracleAnswer] {
        batches.append(requests)
        var result: [OracleAnswer] = []
        for request in requests {
            for line in answer(request).split(separator: "\n") {
                if let answer = collected.take(try ServerLine(String(line))) { result.append(answer) }
            }
        }
        return result
    }

    private mutating func answer(_ request: String) -> String {
        let verb = String(request.prefix { $0 != " " })
        if let answer = answers[request] ?? answers[verb] { return answer }
        switch verb {
        case "mm.create", "mm.fork": return "+ mm=\(number("mm"))"
        case "mirror": return "+ mirror=\(number("mirror")) seq=1"
        case "pin": return "+ pin=\(number("pin")) pages=1"
        default: return "+"
        }
    }

    private mutating func number(_ kind: String) -> Int {
        made[kind, default: 0] += 1
        return made[kind, default: 0]
    }
}
