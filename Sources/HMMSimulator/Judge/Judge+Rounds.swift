import HMMEngine
import HMMMemory
import HMMProtocol

/// Rounds, leases, sequence numbers and translations.
extension Judge {
    mutating func told(
        _ name: String, _ number: UInt64, _ pairs: [ServerLine.Pair], _ connection: ConnectionID, _ now: UInt64
    ) throws(Violation) {
        let last = counterparts[connection]?.lastEvent ?? 0
        guard number == last + 1 else { throw Violation(.answers, "event \(number) after event \(last)") }
        counterparts[connection]?.lastEvent = number
        guard let id = pairs["mirror"]?.number.map({ UInt32(truncatingIfNeeded: $0) }) else { return }
        guard let mirror = mirrors[id], mirror.connection == connection, !mirror.isFenced else {
            throw Violation(
                .answers, "event `\(name)` for mirror \(id), which connection \(connection.rawValue) has not")
        }
        switch name {
        case "inval": try announced(number, id, mirror, pairs, connection, now)
        case "fenced": try fenced(id, mirror, pairs, connection, now)
        case "lease":
            let event = pairs["event"]?.number
            guard counterparts[connection]?.open.contains(where: { $0.number == event }) ?? false else {
                throw Violation(.round, "a warning about event \(event ?? 0), which waits for nothing")
            }
        default: break
        }
    }

    private mutating func announced(
        _ number: UInt64, _ id: UInt32, _ mirror: MirrorFacts, _ pairs: [ServerLine.Pair], _ connection: ConnectionID,
        _ now: UInt64
    ) throws(Violation) {
        guard let sequence = pairs["seq"]?.number, let lease = pairs["lease"]?.number else {
            throw Violation(.answers, "an `inval` without its keys")
        }
        guard sequence & 1 == 1, sequence > settled[mirror.space] ?? 0, sequence >= mirror.sequence else {
            throw Violation(
                .sequence, "event \(number) has seq=\(sequence), mirror \(id) had \(mirror.sequence) before")
        }
        highest[mirror.space] = max(highest[mirror.space] ?? 0, sequence)
        mirrors[id]?.sequence = sequence
        guard !mirror.isAutomatic else { return }
        let waits = policies[mirror.space].map { $0 == .wait } ?? true
        counterparts[connection]?.open.append(
            OpenEvent(
                number: number, mirror: id, space: mirror.space, deadline: waits ? nil : now + lease * 1_000_000))
    }

    private mutating func fenced(
        _ id: UInt32, _ mirror: MirrorFacts, _ pairs: [ServerLine.Pair], _ connection: ConnectionID, _ now: UInt64
    ) throws(Violation) {
        mirrors[id]?.isFenced = true
        if pairs["reason"]?.text == "lease" {
            let isOver = counterparts[connection]?.open.contains {
                $0.mirror == id && $0.deadline.map { $0 <= now } ?? false
            }
            guard isOver ?? false || policies[mirror.space] == nil, policies[mirror.space] != .fail else {
                throw Violation(.round, "mirror \(id) is fenced before its lease is over")
            }
        } else {
            mirrors[id]?.isOrphan = true
        }
        counterparts[connection]?.open.removeAll { $0.mirror == id }
    }

    // MARK: After every input that leaves no work unfinished

    mutating func check(_ engine: borrowing Engine, _ now: UInt64, isTick: Bool) throws(Violation) {
        let awaited = engine.awaited
        var earliest: UInt64?
        for entry in awaited {
            guard let event = counterparts[entry.connection]?.open.first(where: { $0.number == entry.event }) else {
                throw Violation(
                    .round,
                    "the engine waits for event \(entry.event) of connection \(entry.connection.rawValue), "
                        + "which needs no acknowledgement any more")
            }
            guard let deadline = event.deadline else { continue }
            if isTick, deadline <= now { throw Violation(.round, "the lease of event \(event.number) is over") }
            earliest = min(earliest ?? deadline, deadline)
        }
        if let earliest, engine.nextDeadline.map({ $0.nanoseconds > earliest }) ?? true {
            throw Violation(.liveness, "a lease ends at \(earliest), and the engine does not want to be woken then")
        }
        for connection in counterparts.keys { try checkOpen(connection, awaited) }
        for counterpart in counterparts.values where counterpart.pending.count > 1 { try checkTags(counterpart) }
        for (space, sequence) in highest where engine.isQuiet(space) { settled[space] = sequence }
        for (connection, counterpart) in counterparts where counterpart.owesRefusal {
            throw Violation(.answers, "connection \(connection.rawValue) may acknowledge what is not its own")
        }
    }

    /// A tag names one request at a time: another one with it is refused at once.
    private func checkTags(_ counterpart: Counterpart) throws(Violation) {
        let tags = counterpart.pending.lazy.map(\.tag).filter { !$0.isEmpty }
        guard Set(tags).count < tags.count else { return }
        throw Violation(.answers, "two requests with one tag wait")
    }

    /// Whoever was told is waited for.
    private mutating func checkOpen(
        _ connection: ConnectionID, _ awaited: [Engine.Awaited]
    ) throws(Violation) {
        guard let open = counterparts[connection]?.open, !open.isEmpty else { return }
        for event in open {
            if awaited.contains(where: { $0.connection == connection && $0.event == event.number }) { continue }
            guard event.isReleased || mirrors[event.mirror]?.endings ?? 1 > 0 else {
                throw Violation(
                    .round,
                    "a request goes on before event \(event.number) of connection \(connection.rawValue) "
                        + "has been acknowledged")
            }
        }
    }

    /// A lease is over in an address space where that makes requests fail: their other events are released with it.
    mutating func release(_ now: UInt64) {
        for (space, policy) in policies where policy == .fail {
            let isOver = counterparts.values.contains { counterpart in
                counterpart.open.contains { $0.space == space && $0.deadline.map { $0 <= now } ?? false }
            }
            guard isOver else { continue }
            for connection in counterparts.keys {
                for index in counterparts[connection]?.open.indices ?? 0..<0
                where counterparts[connection]?.open[index].space == space {
                    counterparts[connection]?.open[index].isReleased = true
                }
            }
        }
    }

    /// What a driver believes is what the engine has.
    func checkTranslations(_ driver: DriverClient, _ engine: borrowing Engine, _ now: UInt64) throws(Violation) {
        for (id, mirror) in driver.mirrors where !mirror.table.isEmpty && driver.mayUse(mirror, at: now) {
            guard let facts = mirrors[id], !facts.isOrphan else { continue }
            for (page, believed) in mirror.table {
                guard let entry = engine.entry(mirror.space, page) else {
                    throw Violation(
                        .translation, "\(driver.name): mirror \(id) may use page \(page) of a space that has gone")
                }
                let isSame =
                    believed.frame.map { entry.kind != .zero && entry.frame.number == $0 } ?? (entry.kind == .zero)
                let isUsable = !entry.isNone && entry.kind != .migrating && entry.kind != .exclusive
                guard isSame, isUsable, entry.isWritable || !believed.isWritable else {
                    throw Violation(
                        .translation,
                        "\(driver.name): mirror \(id) may use a stale translation of page 0x\(String(page, radix: 16)):"
                            + " frame \(believed.frame ?? 0) \(believed.isWritable ? "rw" : "r"), the CPU has "
                            + "\(entry.kind) \(entry.frame.number) \(entry.isWritable ? "rw" : "r")")
                }
            }
        }
    }

    /// The device reads through a translation: what it finds was written there last.
    func checkUse(_ driver: DriverClient, _ engine: borrowing Engine, _ now: UInt64) throws(Violation) {
        for (id, mirror) in driver.mirrors.sorted(by: { $0.key < $1.key }) where driver.mayUse(mirror, at: now) {
            guard let facts = mirrors[id], !facts.isOrphan else { continue }
            for (page, believed) in mirror.table {
                guard let frame = believed.frame, let expected = known(mirror.space, page) else { continue }
                let isRight = engine.withBytes(of: frame) { $0.elementsEqual(expected) }
                guard isRight else {
                    throw Violation(
                        .data,
                        "\(driver.name) reads at page 0x\(String(page, radix: 16)) of space \(mirror.space) "
                            + "through frame \(frame) what was not written there last")
                }
            }
        }
    }
}
