internal import Glibc
internal import HMMTLS

/// What is wrong with a server, for whoever decides whether to restart it or to send it clients.
struct Health: Sendable {
    /// For each loop to answer: far more than any operation holds one up.
    static let patience = Duration.seconds(5)

    let server: ServerContext

    /// Loops that do not turn; empty while the process is alive.
    func stuck(within patience: Duration = Self.patience) async -> [String] {
        let answers = await LoopSurvey.ask(server.loops, within: patience) { _ in true }
        return answers.enumerated().compactMap { index, answer in
            answer == nil ? "event loop \(index) does not turn" : nil
        }
    }

    /// Why no client should come now; empty when they may.
    func unready(isListening: Bool) -> [String] {
        var reasons = isListening ? [] : ["not listening"]
        if let validity = server.certificates?.current.validity {
            let now = Int64(time(nil))
            if now < validity.notBefore { reasons.append("the server's certificate is not valid yet") }
            if now > validity.notAfter { reasons.append("the server's certificate has expired") }
        }
        return reasons
    }
}
