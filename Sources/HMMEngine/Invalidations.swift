internal import HMMMemory
internal import HMMProtocol

/// Invalidation rounds: who must let go, until when, and what then.
extension Engine {
    /// Runs an operation that is not in the table until it is answered or has to wait.
    mutating func run(_ operation: consuming Operation, _ now: Instant, _ effects: inout Effects) {
        var operation = operation
        let id = operations.nextID
        if let unfinished { return postpone(operation, behind: unfinished.operation) }
        if let other = predecessor(of: &operation, id) { return park(operation, behind: other, &effects) }
        guard advance(&operation, id, now, &effects) else { return }
        begun(operation.caller)
        enter(operation)
    }

    /// Steps an operation until it ends, which answers it, or has to pause in a round; true then.
    mutating func advance(
        _ operation: inout Operation, _ id: OperationID, _ now: Instant, _ effects: inout Effects
    ) -> Bool {
        let bound = effects.text.count + limits.answerBytes
        if !operation.hasBegun, let pages = operation.accessedPages, machine.mayRunShort(pages) {
            operation.ahead = operation.demand(machine).map { Boxed(LookAhead($0)) }
        }
        return go(on: operation.step(&machine), &operation, id, bound, now, &effects)
    }

    /// Does what `step` asks and goes on from there; true when the operation has to pause.
    mutating func go(
        on first: Step, _ operation: inout Operation, _ id: OperationID, _ bound: Int, _ now: Instant,
        _ effects: inout Effects
    ) -> Bool {
        var step = first
        while true {
            switch step {
            case .done:
                finish(operation, now, &effects)
                return false
            case .failed(let fault):
                fail(&operation, fault, now, &effects)
                return false
            case .invalidate(let invalidation) where !invalidation.isBlockable && wouldWait(invalidation):
                operation.skip()
            case .invalidate(let invalidation):
                if pause(for: invalidation, &operation, id, bound, now, &effects) { return true }
            case .more:
                operation.state = .running
                unfinished = .step(id)
                return true
            }
            // Announcements that wait for nobody may be many thousands.
            if machine.isSliceSpent {
                operation.state = .running
                unfinished = .step(id)
                return true
            }
            step = operation.step(&machine)
        }
    }

    /// Announces what an operation asks for; true when it has to pause for that, false when it is over already.
    mutating func pause(
        for invalidation: Invalidation, _ operation: inout Operation, _ id: OperationID, _ bound: Int, _ now: Instant,
        _ effects: inout Effects
    ) -> Bool {
        if let asked = consult(invalidation, operation, now, &effects) {
            operation.state = .consulting(asked, held: operation.held(during: invalidation))
            roundsRunning += 1
            expect(asked.deadline)
            return true
        }
        operation.isExcused = false
        operation.hasBegun = true
        let round = announce(invalidation, &operation, id, now, &effects)
        // A round that waits for nobody goes on at once, unless the rounds so far have said much.
        if round.waiting.isEmpty {
            guard effects.text.count > bound else {
                machine.end(invalidation)
                tellUpdates(round.updates, invalidation, &effects)
                return false
            }
            ready.append(.round(id))
        }
        operation.state = .inRound(round, held: operation.held(during: invalidation))
        roundsRunning += 1
        if let deadline = round.nextDeadline { expect(deadline) }
        return true
    }

    // MARK: Announcing

    /// Tells every overlapping mirror; those that acknowledge by hand are waited for.
    private mutating func announce(
        _ invalidation: Invalidation, _ operation: inout Operation, _ id: OperationID, _ now: Instant,
        _ effects: inout Effects
    ) -> Round {
        var round = Round(invalidation: invalidation)
        let told = machine.begin(invalidation)
        if told.isEmpty { return round }
        let owner = invalidation.owner.map { deviceName($0) } ?? .none
        let waitsForEver = policy(of: invalidation.space) == .wait
        for mirror in told {
            guard let index = subscriptions.index(of: mirror) else { continue }
            let subscription = subscriptions[index]
            guard let session = sessions.index(of: subscription.connection) else { continue }
            if subscription.isLegacy {
                machine.letGo(mirror, invalidation.range)
                round.updates.append(mirror)
                continue
            }
            let number = sessions[session].takeEventNumber()
            write(number, mirror, invalidation, owner, subscription, &effects)
            if subscription.acknowledgement == .automatic {
                machine.letGo(mirror, invalidation.range)
                operation.acked += 1
                continue
            }
            if sessions[session].openEvents.count >= limits.openEvents {
                doomed.append((subscription.connection, .tooManyEvents))
            }
            sessions[session].openEvents.append(
                OpenEvent(number: number, mirror: mirror, range: invalidation.range, operation: id))
            round.waiting.append(waiting(mirror, number, subscription, session, waitsForEver, now))
        }
        if !round.updates.isEmpty { invalidateRanges(of: round.updates, invalidation.range) }
        return round
    }

    /// A mirror that acknowledges by hand would have to be waited for. Nobody is told then.
    private func wouldWait(_ invalidation: Invalidation) -> Bool {
        machine.hasMirror(of: invalidation.space, overlapping: invalidation.range) { mirror in
            subscriptions.index(of: mirror).map {
                subscriptions[$0].acknowledgement == .manual && !subscriptions[$0].isLegacy
            } ?? false
        }
    }

    private func waiting(
        _ mirror: MirrorID, _ event: UInt64, _ subscription: Subscription, _ session: Int, _ waitsForEver: Bool,
        _ now: Instant
    ) -> Round.Waiting {
        let lease = subscription.leaseMilliseconds
        return Round.Waiting(
            mirror: mirror, connection: subscription.connection, event: event,
            deadline: waitsForEver ? nil : now.advanced(byMilliseconds: lease),
            warning: sessions[session].capabilities.contains(.lease) && !waitsForEver
                ? now.advanced(byMilliseconds: lease / 2) : nil)
    }

    func policy(of space: SpaceID) -> ExpiryPolicy {
        guard let index = policies.index(of: space) else { return .fence }
        return policies[index]
    }

    private func write(
        _ number: UInt64, _ mirror: MirrorID, _ invalidation: Invalidation, _ owner: ShortName,
        _ subscription: Subscription, _ effects: inout Effects
    ) {
        guard let index = machine.mirrors.index(of: mirror) else { return }
        effects.address(subscription.connection)
        effects.text.pair("!", number)
        effects.text.pair(" inval mirror=", UInt64(mirror.rawValue))
        effects.text.pair(" va=", hex: invalidation.range.start.address)
        effects.text.pair(" len=", invalidation.range.length)
        effects.text.pair(" reason=", word: invalidation.reason.word)
        if !owner.isEmpty { effects.text.pair(" owner=", owner) }
        if !invalidation.isBlockable { effects.text.append(" blockable=no") }
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
        guard let sender = sessions.index(of: connection) else { return }
        // What the first numbers set free may announce more, which this line cannot have meant.
        let next = sessions[sender].nextEvent
        for index in 0...ack.more.count {
            let number = index == 0 ? ack.first : ack.more[index - 1]
            guard let session = sessions.index(of: connection) else { return }
            guard number < next, let event = sessions[session].closeEvent(number) else {
                unknown = unknown ?? number
                continue
            }
            machine.letGo(event.mirror, event.range)
            machine.spend(Slice.mirror)
            guard let index = operations.index(of: event.operation) else { continue }
            operations[index].acked += 1
            letGo(index, now, &effects) { $0.remove(event.mirror, event: number) }
        }
        if let unknown {
            effects.fail(
                Caller(connection: connection, tag: tag),
                Failure(
                    .noEvent, "event \(unknown) does not wait for an ack: unknown, acknowledged, or its mirror is gone")
            )
        }
    }

    /// Mirrors are gone, in ascending order: of the requests `waiting` those go on whose rounds wait for them, the
    /// oldest first, and `count` books how many of them each has waited for.
    mutating func release(
        _ waiting: [OperationID], of mirrors: [MirrorID], _ now: Instant, _ effects: inout Effects,
        _ count: (inout Operation, UInt64) -> Void
    ) {
        var last: OperationID?
        for id in waiting.sorted() where id != last {
            last = id
            guard let index = operations.index(of: id), let gone = awaited(mirrors, by: index), gone > 0 else {
                continue
            }
            count(&operations[index], UInt64(gone))
            letGo(index, now, &effects) { $0.remove(mirrors) }
            // Once the slice is spent they are only put off.
            if !machine.isSliceSpent { machine.spend(UInt64(mirrors.count)) }
        }
    }

    /// How many of these mirrors a round waits for.
    private func awaited(_ mirrors: [MirrorID], by index: Int) -> Int? {
        guard case .inRound(let round, _) = operations[index].state else { return nil }
        return round.waiting.count(of: mirrors)
    }

    /// Ends a round that nobody waited for.
    mutating func finishRound(_ id: OperationID, _ now: Instant, _ effects: inout Effects) {
        if let index = operations.index(of: id) { letGo(index, now, &effects) { _ in } }
    }

    /// Takes mirrors out of a round; the last one ends it and the operation goes on, in its turn when much has been
    /// done already: a mirror may be waited for by a thousand.
    private mutating func letGo(
        _ index: Int, _ now: Instant, _ effects: inout Effects, _ release: (inout WaitingMirrors) -> Void
    ) {
        guard case .inRound(var round, let held) = operations[index].state else { return }
        // Taken out first, so that the list is changed in place: a round may wait for a thousand mirrors.
        operations[index].state = .running
        release(&round.waiting)
        guard round.waiting.isEmpty else {
            operations[index].state = .inRound(round, held: held)
            return
        }
        guard unfinished == nil, !machine.isSliceSpent else {
            operations[index].state = .inRound(round, held: held)
            return postponed.append(.round(operations.id(at: index)))
        }
        disclaim(index)
        endRound(round, &effects)
        machine.spend(Slice.request)
        resume(operations.id(at: index), inTurn: false, now, &effects)
    }

    mutating func endRound(_ round: Round, _ effects: inout Effects) {
        machine.end(round.invalidation)
        tellUpdates(round.updates, round.invalidation, &effects)
        endHold()
    }

    /// An operation holds nothing any more.
    mutating func endHold() {
        roundsRunning -= 1
        if roundsRunning == 0 { (leaseDeadline, nextDeadline) = (nil, nil) }
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
