import HMMEngine
import HMMProtocol

/// Connections begin and end, each for a reason, and nobody is left without an answer.
extension Judge {
    mutating func connected(_ connection: ConnectionID, _ principal: Principal) {
        counterparts[connection] = Counterpart(role: principal.role)
        if let most = rules.policy.quota[.connections].hard, UInt64(counterparts.count) > most {
            counterparts[connection]?.ends.insert(.limit)
        }
    }

    /// The engine has done with a connection, however that came about: what it had begun may still go on.
    mutating func ended(_ connection: ConnectionID, isCertain: Bool) {
        guard let gone = counterparts.removeValue(forKey: connection) else { return }
        abandon(gone.pending, of: connection, isCertain: isCertain)
        depart(connection)
        for id in mirrors.keys where mirrors[id]?.connection == connection {
            lostMirrors[id] = mirrors.removeValue(forKey: id)
        }
    }

    /// The engine says good-bye, which it does for a reason that it has been given.
    mutating func bidden(_ connection: ConnectionID, _ code: String) throws(Violation) {
        guard let counterpart = counterparts[connection] else { return }
        let isRight =
            switch CloseReason(rawValue: code) {
            case .quit?, .framing?, .limit?, .revoked?, .tooManyEvents?:
                CloseReason(rawValue: code).map(counterpart.ends.contains) ?? false
            case .tooManyRequests?: queuedBytes(counterpart) >= 2 * limits.queuedBytes
            case .shutdown?: isDraining
            default: false
            }
        guard isRight else {
            throw Violation(.answers, "connection \(connection.rawValue) is sent away with \(code) for no reason")
        }
        if code == CloseReason.shutdown.rawValue { try checkAnswered() }
        // With the others requests may have begun just now.
        let isSudden = [.framing, .revoked, .limit, .tooManyRequests].contains(CloseReason(rawValue: code))
        ended(connection, isCertain: isSettled && isSudden)
    }

    /// Bytes of untagged requests without an answer, as the protocol counts them.
    private func queuedBytes(_ counterpart: Counterpart) -> Int {
        counterpart.pending.reduce(0) { sum, entry in
            guard entry.tag.isEmpty else { return sum }
            let data: Int =
                switch entry.request {
                case .write(let write)?: write.data.count
                case .deviceWrite(let write)?: write.data.count
                case .fileWrite(let write)?: write.data.count
                case .faultPages(let fault)?: fault.pages.count
                default: 0
                }
            return sum + 64 + data
        }
    }

    /// After every input: whoever is to go has gone, and an engine that has nothing to do for a connection owes it
    /// nothing.
    func checkEnds(_ engine: borrowing Engine) throws(Violation) {
        for (connection, counterpart) in counterparts {
            // Events may have been withdrawn by now.
            if let reason = counterpart.ends.first(where: { $0 != .tooManyEvents }) {
                throw Violation(
                    .liveness,
                    "connection \(connection.rawValue) is still there, and should have gone: \(reason.rawValue)")
            }
            if !counterpart.pending.isEmpty, engine.isIdle(connection) {
                throw unanswered(connection, counterpart)
            }
        }
    }

    /// Everybody has been answered, but for those who take no answers.
    func checkAnswered(but deaf: [ConnectionID] = []) throws(Violation) {
        for (connection, counterpart) in counterparts.sorted(by: { $0.key.rawValue < $1.key.rawValue })
        where !counterpart.pending.isEmpty && !deaf.contains(connection) {
            throw unanswered(connection, counterpart)
        }
    }

    private func unanswered(_ connection: ConnectionID, _ counterpart: Counterpart) -> Violation {
        let waiting = counterpart.pending.map { entry in
            "#\(entry.tag) \(entry.request.map { "\($0.name.spec.name)" } ?? "nonsense")"
        }
        return Violation(.answers, "connection \(connection.rawValue) has no answer to \(waiting)")
    }
}
