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
        let reason = pairs["reason"]?.text
        coverage.note(.event, reason.map { "\(name) \($0)" } ?? name)
        guard let id = pairs["mirror"]?.number.map({ UInt32(truncatingIfNeeded: $0) }) else { return }
        guard let mirror = mirrors[id], mirror.connection == connection, !mirror.isFenced else {
            throw Violation(
                .answers, "event `\(name)` for mirror \(id), which connection \(connection.rawValue) has not")
        }
        switch name {
        case "inval": try announced(number, id, mirror, pairs, connection, now)
        case "fenced": try fenced(id, mirror, pairs, connection, now)
        case "lease": try warned(pairs, connection, now)
        case "update": updated(id, pairs)
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
        guard let va = pairs["va"]?.number, let length = pairs["len"]?.number,
            Self.pages(va, length).overlaps(mirror.range)
        else { throw Violation(.round, "event \(number) is about pages that mirror \(id) does not mirror") }
        highest[mirror.space] = max(highest[mirror.space] ?? 0, sequence)
        mirrors[id]?.sequence = sequence
        guard !mirror.isAutomatic else { return }
        let waits = policies[mirror.space].map { $0 == .wait } ?? true
        let isWarned = counterparts[connection]?.wantsLease ?? false
        counterparts[connection]?.open.append(
            OpenEvent(
                number: number, mirror: id, space: mirror.space, deadline: waits ? nil : now + lease * 1_000_000,
                warning: waits || !isWarned ? nil : now + lease / 2 * 1_000_000))
        if counterparts[connection]?.open.count ?? 0 > limits.openEvents {
            counterparts[connection]?.ends.insert(.tooManyEvents)
        }
    }

    /// Half of a lease has gone: once for an event, to whoever wants to know, while there is time left.
    private mutating func warned(
        _ pairs: [ServerLine.Pair], _ connection: ConnectionID, _ now: UInt64
    ) throws(Violation) {
        let number = pairs["event"]?.number ?? 0
        guard let index = counterparts[connection]?.open.firstIndex(where: { $0.number == number }),
            let event = counterparts[connection]?.open[index]
        else { throw Violation(.round, "a warning about event \(number), which waits for nothing") }
        guard let due = event.warning, due <= now, let deadline = event.deadline, deadline > now else {
            throw Violation(.round, "a warning about event \(number) that is not due")
        }
        let left = (deadline - now + 999_999) / 1_000_000
        guard pairs["left"]?.number == left else {
            throw Violation(
                .round, "left=\(pairs["left"]?.number ?? 0) of event \(number), whose lease ends in \(left) ms")
        }
        counterparts[connection]?.open[index].warning = nil
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
        try checkAwaited(awaited, engine, now, isTick: isTick)
        for connection in counterparts.keys { try checkOpen(connection, awaited) }
        for counterpart in counterparts.values where counterpart.pending.count > 1 { try checkTags(counterpart) }
        for (space, sequence) in highest where engine.isQuiet(space) { settled[space] = sequence }
        for (connection, counterpart) in counterparts where counterpart.owesRefusal {
            throw Violation(.answers, "connection \(connection.rawValue) may acknowledge what is not its own")
        }
        try checkEnds(engine)
        noticeBegun(engine)
    }

    /// Whomever the engine waits for has something to acknowledge, and time to do it.
    private mutating func checkAwaited(
        _ awaited: [Engine.Awaited], _ engine: borrowing Engine, _ now: UInt64, isTick: Bool
    ) throws(Violation) {
        var earliest: UInt64?
        for entry in awaited {
            guard let index = counterparts[entry.connection]?.open.firstIndex(where: { $0.number == entry.event }),
                let event = counterparts[entry.connection]?.open[index], !event.isReleased
            else {
                throw Violation(
                    .round,
                    "the engine waits for event \(entry.event) of connection \(entry.connection.rawValue), "
                        + "which needs no acknowledgement any more")
            }
            counterparts[entry.connection]?.open[index].request = entry.request
            // What this tick has announced the next one looks after.
            if isTick, event.request != nil, let warning = event.warning, warning <= now {
                throw Violation(.round, "half of the lease of event \(event.number) has gone without a word")
            }
            guard let deadline = event.deadline else { continue }
            if isTick, deadline <= now { throw Violation(.round, "the lease of event \(event.number) is over") }
            earliest = min(earliest ?? deadline, deadline, event.warning ?? deadline)
        }
        if let earliest, engine.nextDeadline.map({ $0.nanoseconds > earliest }) ?? true {
            throw Violation(.liveness, "a lease ends at \(earliest), and the engine does not want to be woken then")
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
        for (index, event) in open.enumerated() {
            if awaited.contains(where: { $0.connection == connection && $0.event == event.number }) { continue }
            guard event.isReleased || mirrors[event.mirror]?.endings ?? 1 > 0 else {
                throw Violation(
                    .round,
                    "a request goes on before event \(event.number) of connection \(connection.rawValue) "
                        + "has been acknowledged")
            }
            counterparts[connection]?.open[index].request = nil
        }
    }

    /// Leases are over in address spaces where that makes requests fail: whoever else these requests wait for is
    /// released with them.
    mutating func release(_ now: UInt64) {
        var failed: Set<UInt32> = []
        for counterpart in counterparts.values {
            for event in counterpart.open where !event.isReleased && policies[event.space] == .fail {
                guard let deadline = event.deadline, deadline <= now, let request = event.request else { continue }
                failed.insert(request)
            }
        }
        guard !failed.isEmpty else { return }
        timeouts = failed.count
        for connection in counterparts.keys {
            for index in counterparts[connection]?.open.indices ?? 0..<0
            where counterparts[connection]?.open[index].request.map(failed.contains) ?? false {
                counterparts[connection]?.open[index].isReleased = true
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
