internal import HMMMemory
internal import HMMProtocol

/// Requests that wait for one another: whose range may be used by whom, and who comes next.
extension Engine {
    /// The round of an operation is over, or its turn may have come: it goes on as far as it can.
    ///
    /// Whoever has not begun also waits behind those who wait already, or a stream of small requests would keep a large
    /// one out for ever.
    ///
    /// - Parameter first: what it does before anything else, if that is known.
    mutating func resume(
        _ id: OperationID, inTurn: Bool, on first: Step? = nil, _ now: Instant, _ effects: inout Effects
    ) {
        guard let index = operations.index(of: id) else { return }
        var operation = operations[index]
        let bound = effects.text.count + limits.answerBytes
        var step = first ?? operation.restart(&machine)
        // What it has begun to announce it goes on with, before anyone comes between.
        while case .invalidate(let invalidation) = step {
            if pause(for: invalidation, &operation, id, bound, now, &effects) {
                settle(true, id, operation)
                return wake(behind: id)
            }
            step = operation.restart(&machine)
        }
        if step == .more {
            operation.state = .running
            operations[index] = operation
            unfinished = .restart(id, inTurn: inTurn)
            return
        }
        let comesAnew = inTurn && !operation.keepsOn
        if let step {
            settle(go(on: step, &operation, id, bound, now, &effects), id, operation)
        } else if let holder = comesAnew ? predecessor(of: &operation, id) : holder(of: &operation, id) {
            // Another may hold part of its range by now; migrations and the like kept theirs all the time.
            wait(id, index, operation, behind: holder, &effects)
        } else if inTurn, let failure = refusal(of: operation, id) {
            operation.abandon(&machine)
            effects.fail(operation.caller, failure, unlessGoneFrom: self)
            end(id)
        } else {
            settle(advance(&operation, id, now, &effects), id, operation)
        }
        wake(behind: id)
    }

    /// While it waited others have changed the areas that it cuts: it may make more than it was promised.
    private mutating func refusal(of operation: Operation, _ id: OperationID) -> Failure? {
        guard !operation.hasBegun else { return nil }
        do throws(Failure) {
            try checkAreas(operation, id)
            return nil
        } catch {
            return error
        }
    }

    /// Puts an operation back that pauses again, or forgets it.
    mutating func settle(_ pauses: Bool, _ id: OperationID, _ operation: Operation) {
        guard pauses, let index = operations.index(of: id) else { return end(id) }
        operations[index] = operation
        claim(index)
    }

    private mutating func wait(
        _ id: OperationID, _ index: Int, _ operation: Operation, behind holder: OperationID, _ effects: inout Effects
    ) {
        guard !operation.refusesToWait else {
            effects.fail(operation.caller, rangeIsBusy, unlessGoneFrom: self)
            return end(id)
        }
        operations[index] = operation
        operations[index].state = .parked(behind: holder)
        claim(index)
    }

    /// An operation of the table has been answered.
    private mutating func end(_ id: OperationID) {
        guard let operation = leave(id) else { return }
        answered(operation.caller)
    }

    // MARK: Ranges

    /// The operation that holds part of what `operation` wants.
    private mutating func holder(of operation: inout Operation, _ id: OperationID) -> OperationID? {
        first(inTheWayOf: &operation, id) { engine, operation, index, wanted in
            engine.operations.id(at: index) != id && engine.holds(index, wanted, from: operation)
        }
    }

    /// The operation at `index` holds part of what `operation` wants.
    private func holds(_ index: Int, _ wanted: PageRange, from operation: borrowing Operation) -> Bool {
        let held = operations[index].held ?? []
        return held.contains { $0.space == operation.space && $0.range.overlaps(wanted) }
            || !operation.keepsOn && operations[index].hasAnnounced(wanted, of: operation.space)
    }

    /// The operation that a new one, or one whose turn it is, has to let go first: one that holds part of what it
    /// wants, or an earlier one that waits for part of it. Accesses pass one another, as readers of the kernel's
    /// mmap_lock do.
    mutating func predecessor(of operation: inout Operation, _ id: OperationID) -> OperationID? {
        var gaps: [PageRange]?
        defer { if gaps != nil { spendOnAreas(of: operation.space) } }
        return first(inTheWayOf: &operation, id) { engine, operation, index, wanted in
            switch engine.operations[index].state {
            case .running: return false
            // A look at pages on their way shows that nothing is there.
            case .open where operation.looksOnly: return false
            case _ where engine.holds(index, wanted, from: operation): return true
            case .inRound, .open, .consulting: return false
            case .parked:
                guard engine.operations.id(at: index) < id, engine.operations[index].space == operation.space,
                    !operation.isAccess || !engine.operations[index].isAccess
                else { return false }
                return engine.wanted(index, &gaps)?.overlaps(wanted) ?? false
            }
        }
    }

    /// The first of those with a claim on what `operation` wants that `isInTheWay`.
    private mutating func first(
        inTheWayOf operation: inout Operation, _ id: OperationID,
        _ isInTheWay: (borrowing Engine, borrowing Operation, _ index: Int, _ wanted: PageRange) -> Bool
    ) -> OperationID? {
        if claims.isEmpty { return nil }
        operation.findMissing(&machine)
        if operation.placedMapping != nil { spendOnAreas(of: operation.space) }
        guard let wanted = operation.wanted(machine) else { return nil }
        let (found, looked) = search(wanted, for: operation, waitingBelow: id, isInTheWay)
        machine.spend(looked)
        return found
    }

    /// The gaps between all areas of an address space are looked through.
    private mutating func spendOnAreas(of space: SpaceID) {
        guard let index = machine.spaces.index(of: space) else { return }
        machine.spend(UInt64(machine.spaces[index].areas.areas.count) / 4)
    }

    private func search(
        _ wanted: PageRange, for operation: borrowing Operation, waitingBelow id: OperationID,
        _ isInTheWay: (borrowing Engine, borrowing Operation, _ index: Int, _ wanted: PageRange) -> Bool
    ) -> (found: OperationID?, looked: UInt64) {
        var looked: UInt64 = 0
        var compared: UInt64 = 0
        let found = claims.first(on: wanted, of: operation.space, waitingBelow: id, &looked) { other in
            guard let index = operations.index(of: other) else { return false }
            compared += operations[index].lookedAt
            return isInTheWay(self, operation, index, wanted)
        }
        return (found, looked + compared)
    }

    /// What a parked operation wants now. The gaps between areas are looked for once.
    func wanted(_ index: Int, _ gaps: inout [PageRange]?) -> PageRange? {
        guard let plan = operations[index].placedMapping else { return operations[index].wanted(machine) }
        let known = gaps ?? machine.growingGaps(operations[index].space)
        gaps = known
        return plan.place(in: known)
    }

    /// What of `range` around `page` nobody but `id` holds.
    mutating func free(_ range: PageRange, around page: Page, of space: SpaceID, butFor id: OperationID) -> PageRange {
        var free = range
        var looked: UInt64 = 0
        defer { machine.spend(looked) }
        for index in 0..<operations.count where operations.id(at: index) != id {
            looked += operations[index].lookedAt
            for other in operations[index].held ?? [] where other.space == space && other.range.overlaps(free) {
                if other.range.end <= page { free = PageRange(other.range.end, free.end) }
                if other.range.start > page { free = PageRange(free.start, other.range.start) }
            }
        }
        return free
    }

    mutating func park(_ operation: consuming Operation, behind holder: OperationID, _ effects: inout Effects) {
        var operation = operation
        if operation.refusesToWait { return effects.fail(operation.caller, rangeIsBusy) }
        operation.state = .parked(behind: holder)
        begun(operation.caller)
        enter(operation)
    }

    private var rangeIsBusy: Failure { busy("the range is under invalidation; see `pending`") }

    /// Whoever waited behind `id` may try again, in the order of their coming.
    mutating func wake(behind id: OperationID) {
        guard !waiters.isEmpty, let waiting = waiters.removeValue(forKey: id) else { return }
        for waiter in waiting { ready.append(.parked(waiter)) }
    }

    mutating func unpark(_ id: OperationID, _ now: Instant, _ effects: inout Effects) {
        guard let index = operations.index(of: id), case .parked = operations[index].state else { return }
        disclaim(index)
        operations[index].state = .running
        resume(id, inTurn: true, now, &effects)
    }

    // MARK: Lanes

    /// A request has to wait: its lane or its tag is taken until it is answered.
    mutating func begun(_ caller: Caller) {
        guard let index = sessions.index(of: caller.connection) else { return }
        if caller.tag.isEmpty { sessions[index].lane.isBusy = true } else { sessions[index].tags.append(caller.tag) }
    }

    mutating func answered(_ caller: Caller) {
        // Draining ends when the last request does, whether or not anyone waits for its answer.
        if isDraining { ready.append(.drain) }
        guard let index = sessions.index(of: caller.connection) else { return }
        if caller.tag.isEmpty { goOn(with: index) } else { sessions[index].tags.removeAll { $0 == caller.tag } }
    }
}
