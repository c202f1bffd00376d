internal import HMMMemory
internal import HMMProtocol

/// Invalidation rounds: who must let go, until when, and what then.
extension Engine {
    /// Runs an operation that is not in the table until it is answered or has to wait.
    mutating func run(_ operation: consuming Operation, _ now: Instant, _ effects: inout Effects) {
        var operation = operation
        if let holder = holder(of: operation) { return park(operation, behind: holder, &effects) }
        let id = operations.nextID
        guard advance(&operation, id, now, &effects) else { return }
        begun(operation.caller)
        operations.append(operation, id: id)
    }

    /// Steps an operation until it ends, which answers it, or an invalidation of it waits for somebody; true then.
    private mutating func advance(
        _ operation: inout Operation, _ id: OperationID, _ now: Instant, _ effects: inout Effects
    ) -> Bool {
        while true {
            switch operation.step(&machine) {
            case .done:
                finish(operation, &effects)
                return false
            case .failed(let fault):
                effects.fail(operation.caller, failure(fault, operation.work), unlessGoneFrom: self)
                return false
            case .invalidate(let invalidation):
                let round = announce(invalidation, &operation, id, now, &effects)
                guard !round.waiting.isEmpty else {
                    machine.end(invalidation)
                    continue
                }
                operation.state = .inRound(round, held: operation.held(during: invalidation))
                roundsRunning += 1
                if let deadline = round.nextDeadline { nextDeadline = min(nextDeadline ?? deadline, deadline) }
                return true
            }
        }
    }

    // MARK: Announcing

    /// Tells every overlapping mirror; those that acknowledge by hand are waited for.
    private mutating func announce(
        _ invalidation: Invalidation, _ operation: inout Operation, _ id: OperationID, _ now: Instant,
        _ effects: inout Effects
    ) -> Round {
        var round = Round(invalidation: invalidation)
        for mirror in machine.begin(invalidation, exempt: operation.exempt) {
            guard let index = subscriptions.index(of: mirror) else { continue }
            let subscription = subscriptions[index]
            guard let session = sessions.index(of: subscription.connection) else { continue }
            let number = sessions[session].takeEventNumber()
            write(number, mirror, invalidation, subscription, &effects)
            if subscription.acknowledgement == .automatic {
                machine.letGo(mirror, invalidation.range)
                operation.acked += 1
                continue
            }
            if sessions[session].openEvents.count >= limits.openEvents { doom(subscription.connection) }
            sessions[session].openEvents.append(
                OpenEvent(number: number, mirror: mirror, range: invalidation.range, operation: id))
            round.waiting.append(waiting(mirror, number, subscription, session, invalidation.space, now))
        }
        return round
    }

    private func waiting(
        _ mirror: MirrorID, _ event: UInt64, _ subscription: Subscription, _ session: Int, _ space: SpaceID,
        _ now: Instant
    ) -> Round.Waiting {
        let waitsForEver = policy(of: space) == .wait
        let lease = subscription.leaseMilliseconds
        return Round.Waiting(
            mirror: mirror, connection: subscription.connection, event: event,
            deadline: waitsForEver ? nil : now.advanced(byMilliseconds: lease),
            warning: sessions[session].capabilities.contains(.lease) && !waitsForEver
                ? now.advanced(byMilliseconds: lease / 2) : nil)
    }

    private mutating func doom(_ connection: ConnectionID) {
        if !doomed.contains(connection) { doomed.append(connection) }
    }

    func policy(of space: SpaceID) -> ExpiryPolicy {
        guard let index = policies.index(of: space) else { return .fence }
        return policies[index]
    }

    private func write(
        _ number: UInt64, _ mirror: MirrorID, _ invalidation: Invalidation, _ subscription: Subscription,
        _ effects: inout Effects
    ) {
        guard let index = machine.mirrors.index(of: mirror) else { return }
        effects.address(subscription.connection)
        effects.text.pair("!", number)
        effects.text.pair(" inval mirror=", UInt64(mirror.rawValue))
        effects.text.pair(" va=", hex: invalidation.range.start.address)
        effects.text.pair(" len=", invalidation.range.length)
        effects.text.pair(" reason=", word: invalidation.reason.word)
        if let owner = invalidation.owner { effects.text.pair(" owner=", deviceName(owner)) }
        effects.text.pair(" seq=", machine.mirrors[index].sequence)
        effects.text.pair(" lease=", subscription.leaseMilliseconds)
        effects.text.endLine()
    }

    // MARK: Letting go

    /// `ack`: the mirrors of these events have let go.
    mutating func acknowledge(
        _ connection: ConnectionID, _ tag: Tag, _ ack: Ack, _ now: Instant, _ effects: inout Effects
    ) {
        var unknown: UInt64?
        for number in ack.events {
            guard let session = sessions.index(of: connection) else { return }
            guard let event = sessions[session].closeEvent(number) else {
                unknown = unknown ?? number
                continue
            }
            machine.letGo(event.mirror, event.range)
            guard let index = operations.index(of: event.operation) else { continue }
            operations[index].acked += 1
            letGo(index, now, &effects) { $0.event == number && $0.connection == connection }
        }
        if let unknown {
            effects.fail(
                Caller(connection: connection, tag: tag),
                Failure(.noEvent, "event \(unknown) does not wait for an ack: unknown, acknowledged, or its mirror is gone"))
        }
    }

    /// A mirror is gone: every round that waits for it goes on, and `count` books it.
    mutating func releaseRounds(
        of mirror: MirrorID, _ now: Instant, _ effects: inout Effects, _ count: (inout Operation) -> Void
    ) {
        guard roundsRunning > 0 else { return }
        for id in (0..<operations.count).map({ operations.id(at: $0) }) {
            guard let index = operations.index(of: id), case .inRound(let round, _) = operations[index].state,
                round.waiting.contains(where: { $0.mirror == mirror })
            else { continue }
            count(&operations[index])
            letGo(index, now, &effects) { $0.mirror == mirror }
        }
    }

    /// Takes entries out of a round; the last one ends it and the operation goes on.
    private mutating func letGo(
        _ index: Int, _ now: Instant, _ effects: inout Effects, _ isGone: (Round.Waiting) -> Bool
    ) {
        guard case .inRound(var round, let held) = operations[index].state else { return }
        round.waiting.removeAll(where: isGone)
        guard round.waiting.isEmpty else {
            operations[index].state = .inRound(round, held: held)
            return
        }
        operations[index].state = .running
        endRound(round)
        resume(operations.id(at: index), now, &effects)
    }

    private mutating func endRound(_ round: Round) {
        machine.end(round.invalidation)
        roundsRunning -= 1
        if roundsRunning == 0 { nextDeadline = nil }
    }

    private mutating func resume(_ id: OperationID, _ now: Instant, _ effects: inout Effects) {
        guard let index = operations.index(of: id) else { return }
        var operation = operations[index]
        operation.restart()
        // Another may hold part of its range by now; migrations and the like kept theirs all the time.
        if let holder = holder(of: operation, except: id) {
            operation.state = .parked(behind: holder)
            operations[index] = operation
        } else if advance(&operation, id, now, &effects), let index = operations.index(of: id) {
            operations[index] = operation
        } else {
            end(id)
        }
        wake(behind: id)
    }

    /// An operation of the table has been answered.
    private mutating func end(_ id: OperationID) {
        guard let operation = operations.remove(id) else { return }
        answered(operation.caller)
    }

    // MARK: Ranges

    /// The operation whose range `operation` would have to share.
    private func holder(of operation: Operation, except id: OperationID? = nil) -> OperationID? {
        guard roundsRunning > 0, let wanted = operation.wanted(machine) else { return nil }
        for index in 0..<operations.count {
            guard operations[index].space == operation.space, case .inRound(_, let held) = operations[index].state,
                held.overlaps(wanted), operations.id(at: index) != id
            else { continue }
            return operations.id(at: index)
        }
        return nil
    }

    private mutating func park(_ operation: consuming Operation, behind holder: OperationID, _ effects: inout Effects) {
        var operation = operation
        if operation.refusesToWait {
            return effects.fail(operation.caller, busy("the range is under invalidation; see `pending`"))
        }
        operation.state = .parked(behind: holder)
        begun(operation.caller)
        operations.append(operation)
    }

    /// Whoever waited behind `id` may try again.
    private mutating func wake(behind id: OperationID) {
        for index in 0..<operations.count where operations[index].state == .parked(behind: id) {
            ready.append(.parked(operations.id(at: index)))
        }
    }

    mutating func unpark(_ id: OperationID, _ now: Instant, _ effects: inout Effects) {
        guard let index = operations.index(of: id), case .parked = operations[index].state else { return }
        operations[index].state = .running
        resume(id, now, &effects)
    }

    // MARK: Lanes

    /// A request has to wait: its lane or its tag is taken until it is answered.
    private mutating func begun(_ caller: Caller) {
        guard let index = sessions.index(of: caller.connection) else { return }
        if caller.tag.isEmpty { sessions[index].lane.isBusy = true } else { sessions[index].tags.append(caller.tag) }
    }

    private mutating func answered(_ caller: Caller) {
        guard let index = sessions.index(of: caller.connection) else { return }
        if caller.tag.isEmpty {
            sessions[index].lane.isBusy = false
            ready.append(.lane(caller.connection))
        } else {
            sessions[index].tags.removeAll { $0 == caller.tag }
        }
        if isDraining { ready.append(.lane(caller.connection)) }
    }

    // MARK: Time

    /// Leases that have run out, and warnings that are due.
    mutating func tick(_ now: Instant, _ effects: inout Effects) {
        for id in (0..<operations.count).map({ operations.id(at: $0) }) {
            warn(id, now, &effects)
            expire(id, now, &effects)
        }
        nextDeadline = nil
        for index in 0..<operations.count {
            guard case .inRound(let round, _) = operations[index].state, let deadline = round.nextDeadline else { continue }
            nextDeadline = min(nextDeadline ?? deadline, deadline)
        }
    }

    private mutating func warn(_ id: OperationID, _ now: Instant, _ effects: inout Effects) {
        guard let index = operations.index(of: id), case .inRound(var round, let held) = operations[index].state,
            round.waiting.contains(where: { $0.warning.map { $0 <= now } ?? false })
        else { return }
        for position in round.waiting.indices {
            let entry = round.waiting[position]
            guard let due = entry.warning, due <= now, let deadline = entry.deadline else { continue }
            round.waiting[position].warning = nil
            guard deadline > now, let session = sessions.index(of: entry.connection) else { continue }
            effects.address(entry.connection)
            effects.text.pair("!", sessions[session].takeEventNumber())
            effects.text.pair(" lease mirror=", UInt64(entry.mirror.rawValue))
            effects.text.pair(" event=", entry.event)
            effects.text.pair(" left=", now.milliseconds(until: deadline))
            effects.text.endLine()
        }
        operations[index].state = .inRound(round, held: held)
    }

    private mutating func expire(_ id: OperationID, _ now: Instant, _ effects: inout Effects) {
        guard let index = operations.index(of: id), case .inRound(let round, _) = operations[index].state else { return }
        let late = round.waiting.filter { $0.deadline.map { $0 <= now } ?? false }
        guard !late.isEmpty else { return }
        if policy(of: round.invalidation.space) == .fail { return fail(id, round, late[0], &effects) }
        for entry in late { fence(entry.mirror, now, &effects) }
    }

    /// `on-expiry=fail`: the request fails and changes nothing more; events that were sent may still be acknowledged.
    private mutating func fail(_ id: OperationID, _ round: Round, _ late: Round.Waiting, _ effects: inout Effects) {
        guard var operation = operations.remove(id) else { return }
        operation.abandon(&machine)
        endRound(round)
        effects.fail(
            operation.caller,
            Failure(
                .timeout, "mirror \(late.mirror.rawValue) did not acknowledge within its lease",
                address: round.invalidation.range.start.address),
            unlessGoneFrom: self)
        answered(operation.caller)
        wake(behind: id)
    }
}

extension Effects {
    /// Fails a request whose connection may have gone meanwhile.
    mutating func fail(_ caller: Caller, _ failure: Failure, unlessGoneFrom engine: borrowing Engine) {
        if engine.sessions.contains(caller.connection) { fail(caller, failure) }
    }
}

extension InvalidationReason {
    /// The kernel's name on the wire.
    var word: StaticString {
        switch self {
        case .unmap: "unmap"
        case .clear: "clear"
        case .protectionVMA: "protection-vma"
        case .protectionPage: "protection-page"
        case .softDirty: "soft-dirty"
        case .release: "release"
        case .migrate: "migrate"
        case .exclusive: "exclusive"
        }
    }
}
