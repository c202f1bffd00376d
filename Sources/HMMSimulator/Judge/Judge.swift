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
        /// When a `lease` event is due; nil where none is, or when it has come.
        var warning: UInt64?
        /// The engine's number of the request that waits for it; nil where none does any more.
        var request: UInt32?
        /// With `on-expiry=fail` one lease that is over ends the round of all.
        var isReleased = false
    }

    /// A request without an answer; without a verb if it had no form.
    struct Pending {
        let tag: Tag
        let request: Request?
        /// Whether what it depends on was there, at each time since it was asked.
        var offers: Set<Bool> = []
        /// It has announced something: it goes on without its connection.
        var goesOn = false
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
        /// It wants to be warned of leases.
        var wantsLease = false
        /// Why the engine is to end it.
        var ends: Set<CloseReason> = []
    }

    struct MirrorFacts {
        let connection: ConnectionID
        let space: UInt32
        /// Pages.
        let range: Range<UInt64>
        /// Its device is the kernel's test driver, which writes up to the page that fails.
        let isOfTestDriver: Bool
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
    /// Files that address spaces have shared.
    var shared: [UInt32: Set<Int>] = [:]
    var testDrivers: Set<String> = []
    /// Mirrors of connections that have gone.
    var lostMirrors: [UInt32: MirrorFacts] = [:]
    var ghosts: [Ghost] = []
    var holdings: [String: Holding] = [:]
    var pins: [UInt32: ConnectionID] = [:]
    var migrations: [UInt32: ConnectionID] = [:]
    /// A device may have had a page for itself.
    var hasExclusive = false
    var ranges: [UInt32: LegacyRange] = [:]
    /// Nothing has happened since the last look at what requests have begun.
    var isSettled = true
    var answers = 0
    var coverage = Coverage()
    /// Requests whose round has failed at the last tick, and have not been answered with TIMEOUT.
    var timeouts = 0
    var isDraining = false
    let limits: Limits

    init(_ limits: Limits) { self.limits = limits }

    // MARK: Inputs

    /// The engine takes an input: when it was handed in, or later where work that was cut short came first.
    mutating func taken(_ input: Input, _ now: UInt64) {
        timeouts = 0
        coverage.note(.input, input.word)
        switch input {
        case .connected(let connection, let principal): connected(connection, principal)
        case .disconnected(let connection): ended(connection, isCertain: isSettled)
        case .request(let connection, let tag, let request): asked(request, tag, connection)
        case .refused(let connection, let tag, _, let closes):
            counterparts[connection]?.pending.append(Pending(tag: tag, request: nil))
            if closes { counterparts[connection]?.ends.insert(.framing) }
        case .tick: release(now)
        case .policy(let policy): adopt(policy)
        case .close(let connection, let reason): counterparts[connection]?.ends.insert(reason)
        case .drain: isDraining = true
        case .drained, .inspect, .recording, .unsent: break
        }
    }

    private mutating func asked(_ request: Request, _ tag: Tag, _ connection: ConnectionID) {
        guard counterparts[connection] != nil else { return }
        switch request {
        case .ack(let ack): return acknowledged(ack, tag, connection)
        case .mirrorDrop(let drop): ending(drop.mirror, connection)
        case .mirrorUnregister(let drop): ending(drop.mirror, connection)
        case .write(let write) where write.each: forget(request)
        // It may fail after some pages.
        case .exclusive: hasExclusive = true
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
            coverage.note(.verb, "ack")
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
        case .bye(let code, _): try bidden(connection, code)
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
        if failure?.code == "TIMEOUT" {
            timeouts -= 1
            if timeouts < 0 {
                throw Violation(.round, "TIMEOUT, and no lease has ended where that makes requests fail")
            }
        }
        guard let pending = counterparts[connection]?.pending else { return }
        let candidates = pending.indices.filter { pending[$0].tag == tag }
        if failure?.code == "NOEVENT", isAboutAck(candidates.first.map { pending[$0] }, connection) {
            coverage.note(.refusal, "NOEVENT")
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
        if let code = failure?.code { coverage.note(.refusal, code) }
        if let counterpart = counterparts[connection] { try checkAllowed(pending[index], failure?.code, counterpart) }
        guard let request = pending[index].request else {
            if failure == nil { throw Violation(.answers, "what has no form was carried out") }
            return
        }
        if failure == nil { coverage.note(.verb, request.name.spec.name.description) }
        try settle(request, answer, connection, now)
        try holds(request, answer, connection)
        haunt()
    }

    /// Only `ack` and `to-ram` are refused with NOEVENT, and `to-ram` in its turn.
    private func isAboutAck(_ first: Pending?, _ connection: ConnectionID) -> Bool {
        guard case .toRAM? = first?.request else { return true }
        return counterparts[connection]?.owesRefusal ?? false
    }
}
