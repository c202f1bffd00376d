import HMMEngine
import HMMProtocol

/// Sees everything that one engine is asked and says, in the engine's own order, and holds it against the rules.
///
/// It works from the protocol alone: requests as they were read, lines as they were written. Of the engine it looks at
/// whom it waits for, and at its page tables.
struct Judge {
    /// An `inval` event without its acknowledgement.
    struct OpenEvent {
        let number: UInt64
        let mirror: UInt32
        let space: UInt32
        /// Nil where the address space waits for ever.
        let deadline: UInt64?
        /// With `on-expiry=fail` one lease that is over ends the round of all.
        var isReleased = false
    }

    /// A request without an answer; without a verb if it had no form.
    struct Pending {
        let tag: Tag
        let request: Request?
        /// Whether what it depends on was there, at each time since it was asked.
        var offers: Set<Bool> = []
    }

    struct Counterpart {
        let role: Role
        var pending: [Pending] = []
        var lastEvent: UInt64 = 0
        var open: [OpenEvent] = []
        /// Rows of the answer that is being given.
        var rows: (tag: Tag, pairs: [[ServerLine.Pair]])?
        /// An `ack` of this input has to fail.
        var owesRefusal = false
        /// It wants to be told of soft bounds, and has been in this input of these.
        var wantsQuota = false
        var isNewListener = false
        var quotaNotes: [String] = []
    }

    struct MirrorFacts {
        let connection: ConnectionID
        let space: UInt32
        let isLegacy: Bool
        let isAutomatic: Bool
        var sequence: UInt64
        /// Requests that are to end it.
        var endings = 0
        var isFenced = false
        /// Its device has gone, and nothing more is said of what it had.
        var isOrphan = false
    }

    var counterparts: [ConnectionID: Counterpart] = [:]
    var mirrors: [UInt32: MirrorFacts] = [:]
    var policies: [UInt32: ExpiryPolicy] = [:]
    /// Where every space stood when no announcement was under way.
    var settled: [UInt32: UInt64] = [:]
    var highest: [UInt32: UInt64] = [:]
    var rules = Rules()
    var memory = MemoryModel()
    /// Pages of which nothing is known: a request failed half way, or nobody heard how it ended.
    var murky: [UInt32: Set<UInt64>] = [:]
    var murkyFiles: Set<Int> = []
    var answers = 0

    // MARK: Inputs

    /// The engine takes an input: when it was handed in, or later where work that was cut short came first.
    mutating func taken(_ input: Input, _ now: UInt64) {
        switch input {
        case .connected(let connection, let principal):
            counterparts[connection] = Counterpart(role: principal.role)
        case .disconnected(let connection): ended(connection)
        case .request(let connection, let tag, let request): asked(request, tag, connection)
        case .refused(let connection, let tag, _, _):
            counterparts[connection]?.pending.append(Pending(tag: tag, request: nil))
        case .tick: release(now)
        case .policy(let policy): adopt(policy)
        case .drained, .close, .drain, .inspect, .recording, .unsent: break
        }
    }

    /// The engine has done with a connection, however that came about: what it had begun may still go on.
    private mutating func ended(_ connection: ConnectionID) {
        guard let gone = counterparts.removeValue(forKey: connection) else { return }
        for entry in gone.pending { if let request = entry.request { forget(request) } }
        for id in mirrors.keys where mirrors[id]?.connection == connection { mirrors[id] = nil }
    }

    private mutating func asked(_ request: Request, _ tag: Tag, _ connection: ConnectionID) {
        guard counterparts[connection] != nil else { return }
        switch request {
        case .ack(let ack): return acknowledged(ack, tag, connection)
        case .mirrorDrop(let drop): ending(drop.mirror, connection)
        case .mirrorUnregister(let drop): ending(drop.mirror, connection)
        case .write(let write) where write.each: forget(request)
        default: break
        }
        let pending = Pending(tag: tag, request: request, offers: [isOffered(request)])
        counterparts[connection]?.pending.append(pending)
    }

    private mutating func ending(_ mirror: UInt32, _ connection: ConnectionID) {
        if mirrors[mirror]?.connection == connection { mirrors[mirror]?.endings += 1 }
    }

    private mutating func acknowledged(_ ack: Ack, _ tag: Tag, _ connection: ConnectionID) {
        for number in ack.events {
            let index = counterparts[connection]?.open.firstIndex { $0.number == number }
            guard let index else {
                counterparts[connection]?.owesRefusal = true
                continue
            }
            counterparts[connection]?.open.remove(at: index)
        }
    }

    // MARK: Heard

    /// A line of the engine.
    mutating func heard(_ line: ServerLine, _ connection: ConnectionID, _ now: UInt64) throws(Violation) {
        guard counterparts[connection] != nil else {
            throw Violation(.answers, "a line for connection \(connection.rawValue), which is not there")
        }
        if let open = counterparts[connection]?.rows, line.tag != open.tag {
            throw Violation(.answers, "something between the rows of an answer to #\(open.tag)")
        }
        switch line {
        case .banner: break
        case .note(let text):
            let words = text.split(separator: " ")
            if words.first == "quota", words.count > 1 { counterparts[connection]?.quotaNotes.append("\(words[1])") }
        case .bye: ended(connection)
        case .row(let tag, let pairs):
            if counterparts[connection]?.rows == nil { counterparts[connection]?.rows = (tag, []) }
            counterparts[connection]?.rows?.pairs.append(pairs)
        case .success(let tag, let pairs): try answered(tag, pairs, nil, connection, now)
        case .failure(let tag, let code, let errno, let pairs, _):
            try answered(tag, pairs, (code, errno), connection, now)
        case .event(let number, let name, let pairs): try told(name, number, pairs, connection, now)
        }
    }

    private mutating func answered(
        _ tag: Tag, _ pairs: [ServerLine.Pair], _ failure: (code: String, errno: String)?, _ connection: ConnectionID,
        _ now: UInt64
    ) throws(Violation) {
        let answer = Answer(rows: counterparts[connection]?.rows?.pairs ?? [], pairs: pairs, failure: failure)
        counterparts[connection]?.rows = nil
        if failure?.code == "INTERNAL" { throw Violation(.answers, "INTERNAL") }
        guard let pending = counterparts[connection]?.pending else { return }
        let candidates = pending.indices.filter { pending[$0].tag == tag }
        if failure?.code == "NOEVENT", isAboutAck(candidates.first.map { pending[$0] }, connection) {
            counterparts[connection]?.owesRefusal = false
            return
        }
        // Of two with one tag the later one is refused, and what has no form is at once.
        let isRefused = failure?.code == "TAGBUSY" || candidates.contains { pending[$0].request == nil }
        let index = isRefused && !tag.isEmpty ? candidates.last : candidates.first
        guard let index else {
            throw Violation(
                .answers, "an answer to #\(tag) of connection \(connection.rawValue), which nobody waits for")
        }
        counterparts[connection]?.pending.remove(at: index)
        answers += 1
        if let counterpart = counterparts[connection] { try checkAllowed(pending[index], failure?.code, counterpart) }
        guard let request = pending[index].request else {
            if failure == nil { throw Violation(.answers, "what has no form was carried out") }
            return
        }
        try settle(request, answer, connection, now)
    }

    /// Only `ack` and `to-ram` are refused with NOEVENT, and `to-ram` in its turn.
    private func isAboutAck(_ first: Pending?, _ connection: ConnectionID) -> Bool {
        guard case .toRAM? = first?.request else { return true }
        return counterparts[connection]?.owesRefusal ?? false
    }

    /// Everybody has been answered.
    func checkAnswered() throws(Violation) {
        for (connection, counterpart) in counterparts.sorted(by: { $0.key.rawValue < $1.key.rawValue })
        where !counterpart.pending.isEmpty {
            let waiting = counterpart.pending.map { entry in
                "#\(entry.tag) \(entry.request.map { "\($0.name.spec.name)" } ?? "nonsense")"
            }
            throw Violation(.answers, "connection \(connection.rawValue) has no answer to \(waiting)")
        }
    }
}
