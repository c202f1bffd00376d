import HMMProtocol
import HMMTranscript

/// A server that greets, answers each line from a script, and can push.
struct FakePeer: TranscriptPeer {
    /// Bytes sent back for a line, by connection name; the line itself is the key.
    var answers: [String: [(to: String, bytes: String)]] = [:]
    var log: [String] = []
    private var inbox: [String: ServerLineReader] = [:]
    private var closed: Set<String> = []

    init(_ answers: [String: [(to: String, bytes: String)]] = [:]) { self.answers = answers }

    mutating func connect(_ name: String, tenant: String) throws {
        log.append("connect \(name) \(tenant)")
        inbox[name] = ServerLineReader()
        inbox[name]?.append("* HMM/1 page=4096\n".utf8)
    }

    mutating func send(_ octets: [UInt8], on name: String) throws {
        let text = String(decoding: octets, as: UTF8.self)
        log.append("\(name) \(text)")
        for line in text.split(separator: "\n") {
            for answer in answers[String(line)] ?? [] {
                if answer.bytes == "close" {
                    closed.insert(answer.to)
                } else {
                    inbox[answer.to]?.append(answer.bytes.utf8)
                }
            }
        }
    }

    mutating func receive(on name: String) throws -> TranscriptRun.Outcome {
        if let item = try inbox[name]?.next() { return .line(item) }
        return closed.contains(name) ? .ended : .nothing
    }

    mutating func advance(milliseconds: UInt64) throws { log.append("advance \(milliseconds)") }
    mutating func cut(_ name: String) throws { log.append("cut \(name)") }
}
