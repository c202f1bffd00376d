internal import HMMMemory
internal import HMMProtocol

/// Leases that run out, and what becomes of the requests that wait.
extension Engine {
    /// Leases that have run out, and warnings that are due. A tick that is about other work asks nobody.
    mutating func tick(_ now: Instant, _ effects: inout Effects) {
        nextDeadline = leaseDeadline
        guard let leaseDeadline, leaseDeadline <= now else { return }
        for id in (0..<operations.count).map({ operations.id(at: $0) }) { warn(id, now, &effects) }
        endLeases(now, now, &effects)
    }

    /// Ends the leases and consultations that were over at the time `then`. Once the slice is spent the others are left
    /// for later, before anything that has come since: it came in time, however long that takes. Nobody's work is
    /// undone while another's is unfinished: it would have to be put off, and whoever waited for it would come between.
    mutating func endLeases(_ then: Instant, _ now: Instant, _ effects: inout Effects) {
        for id in (0..<operations.count).map({ operations.id(at: $0) }) {
            expire(id, then, now, &effects)
            if unfinished != nil || machine.isSliceSpent {
                ready.append(.leases(then))
                return updateDeadline()
            }
        }
        endConsultations(now, &effects) { $0.deadline <= then }
        updateDeadline()
    }

    /// A lease or a driver's time runs out then.
    mutating func expect(_ deadline: Instant) {
        leaseDeadline = min(leaseDeadline ?? deadline, deadline)
        nextDeadline = min(nextDeadline ?? deadline, deadline)
    }

    /// Finds out when the next lease or driver's time runs out.
    private mutating func updateDeadline() {
        (leaseDeadline, nextDeadline) = (nil, nil)
        for index in 0..<operations.count {
            if case .consulting(let asked, _) = operations[index].state { expect(asked.deadline) }
            if case .inRound(let round, _) = operations[index].state, let deadline = round.nextDeadline {
                expect(deadline)
            }
        }
    }

    private mutating func warn(_ id: OperationID, _ now: Instant, _ effects: inout Effects) {
        guard let index = operations.index(of: id), case .inRound(var round, let held) = operations[index].state,
            round.waiting.entries.contains(where: { $0.warning.map { $0 <= now } ?? false })
        else { return }
        round.waiting.update { entry in
            guard let due = entry.warning, due <= now, let deadline = entry.deadline else { return }
            entry.warning = nil
            guard deadline > now, let session = sessions.index(of: entry.connection) else { return }
            effects.address(entry.connection)
            effects.text.pair("!", sessions[session].takeEventNumber())
            effects.text.pair(" lease mirror=", UInt64(entry.mirror.rawValue))
            effects.text.pair(" event=", entry.event)
            effects.text.pair(" left=", now.milliseconds(until: deadline))
            effects.text.endLine()
        }
        operations[index].state = .inRound(round, held: held)
    }

    private mutating func expire(_ id: OperationID, _ then: Instant, _ now: Instant, _ effects: inout Effects) {
        guard let index = operations.index(of: id), case .inRound(let round, _) = operations[index].state else {
            return
        }
        let late = round.waiting.entries.lazy.filter { $0.deadline.map { $0 <= then } ?? false }.map(\.mirror)
        guard let first = late.first else { return }
        if policy(of: round.invalidation.space) == .fail { return fail(id, round, first, now, &effects) }
        var fenced: [MirrorID] = []
        for mirror in late {
            if machine.isSliceSpent { break }
            fenced.append(mirror)
            machine.spend(Slice.request)
        }
        fence(fenced, now, &effects)
    }

    /// `on-expiry=fail`: the request fails and changes nothing more; events that were sent may still be acknowledged.
    private mutating func fail(
        _ id: OperationID, _ round: Round, _ late: MirrorID, _ now: Instant, _ effects: inout Effects
    ) {
        guard var operation = leave(id) else { return }
        undo(&operation, now, &effects)
        endRound(round, &effects)
        effects.fail(
            operation.caller,
            Failure(
                .timeout, "mirror \(late.rawValue) did not acknowledge within its lease",
                address: round.invalidation.range.start.address),
            unlessGoneFrom: self)
        answered(operation.caller)
        wake(behind: id)
        // What a driver was to bring back the server brings back.
        if case .migrate(_, .callback(let waiting, let asked)) = operation.work {
            resumeConsulted(waiting, asked, now, &effects)
        }
    }
}
