internal import HMMMemory
internal import HMMProtocol

/// A driver's client decides what comes back when the CPU needs a page of its device.
/// Kernel: dev_pagemap_ops.migrate_to_ram().
struct Consultation: Equatable {
    /// What is announced once it has been decided.
    let invalidation: Invalidation
    let device: DeviceID
    let connection: ConnectionID
    let event: UInt64
    /// From then on the server decides.
    let deadline: Instant
}

extension Engine {
    /// Asks the client of the device whose page an access needs back; nil when the server decides.
    mutating func consult(
        _ invalidation: Invalidation, _ operation: borrowing Operation, _ now: Instant, _ effects: inout Effects
    ) -> Consultation? {
        guard invalidation.reason == .migrate, operation.isFault, let device = invalidation.owner,
            let index = drivers.index(of: device), drivers[index].asksClient,
            let session = sessions.index(of: drivers[index].connection), !sessions[session].isClosing,
            let space = machine.spaces.index(of: invalidation.space)
        else { return nil }
        let page = invalidation.range.start
        let number = sessions[session].takeEventNumber()
        effects.address(drivers[index].connection)
        effects.text.pair("!", number)
        effects.text.pair(" to-ram dev=", deviceName(device))
        effects.text.pair(" mm=", UInt64(invalidation.space.rawValue))
        effects.text.pair(" va=", hex: page.address)
        effects.text.pair(" pfn=", hex: machine.spaces[space].table[page].frame.number)
        effects.text.pair(" left=", drivers[index].deadlineMilliseconds)
        effects.text.endLine()
        return Consultation(
            invalidation: invalidation, device: device, connection: drivers[index].connection, event: number,
            deadline: now.advanced(byMilliseconds: drivers[index].deadlineMilliseconds))
    }

    /// `to-ram`: the client has decided.
    mutating func operation(_ toRAM: ToRAM, _ caller: Caller) throws(Failure) -> Operation {
        spendOnPaused()
        let found = (0..<operations.count).first { index in
            guard case .consulting(let asked, _) = operations[index].state else { return false }
            return asked.event == toRAM.event && asked.connection == caller.connection
        }
        guard let found, case .consulting(let asked, let held) = operations[found].state else {
            throw Failure(.noEvent, "no `to-ram` event \(toRAM.event) waits for an answer on this connection")
        }
        let page = asked.invalidation.range.start
        var range = PageRange(page)
        if let va = toRAM.va, let length = toRAM.length {
            range = PageRange(touching: va, length: length)
            guard range.contains(page) else {
                throw Failure(.badArgument, "the range has to hold the page of the event", address: page.address)
            }
        }
        let space = asked.invalidation.space
        range = free(range, around: page, of: space, butFor: operations.id(at: found))
        // From now on it waits for this, whatever its deadline.
        operations[found].state = .open(held: held)
        let movement = Movement(
            to: .system, sources: .device, from: asked.device, exempt: ownMirrors(caller, space, asked.device))
        return Operation(
            caller: caller, verb: .toRAM, space: space,
            work: .migrate(Boxed(Migration(space, range, movement)), .callback(operations.id(at: found), asked)))
    }

    /// The driver is done, or had its time: the access goes on, and what is still on the device the server brings back.
    mutating func resumeConsulted(_ id: OperationID, _ asked: Consultation, _ now: Instant, _ effects: inout Effects) {
        guard let index = operations.index(of: id), operations[index].isAsked(asked) else { return }
        guard unfinished == nil, !machine.isSliceSpent else {
            return postponed.append(.consulted(id, asked))
        }
        disclaim(index)
        endHold()
        // The driver may have brought back the page alone; whoever needs more of the range has not been told of that.
        let isThere = machine.isOnDevice(asked.invalidation.space, anyOf: asked.invalidation.range)
        operations[index].state = .running
        operations[index].isExcused = isThere
        resume(id, inTurn: false, on: isThere ? .invalidate(asked.invalidation) : nil, now, &effects)
    }

    /// Drivers that did not decide in time, or that have gone.
    mutating func endConsultations(
        _ now: Instant, _ effects: inout Effects, where isOver: (Consultation) -> Bool
    ) {
        for id in (0..<operations.count).map({ operations.id(at: $0) }) {
            guard let index = operations.index(of: id), case .consulting(let asked, _) = operations[index].state,
                isOver(asked)
            else { continue }
            resumeConsulted(id, asked, now, &effects)
        }
    }

    // MARK: Freed pages

    /// Tells drivers of device pages whose last reference has gone, as many as make no more text than one answer may:
    /// what others have freed must not be more at once than a driver takes. Kernel: dev_pagemap_ops.page_free().
    mutating func tellFreed(_ effects: inout Effects) {
        let bound = effects.text.count + limits.answerBytes
        let frames = machine.freedDeviceFrames
        var first = 0
        while first < frames.count, effects.text.count < bound {
            let device = machine.device(of: frames[first])
            var next = first + 1
            while next < frames.count, frames[next].number == frames[first].number + UInt64(next - first),
                machine.device(of: frames[next]) == device
            {
                next += 1
            }
            if let device { tellFreed(frames[first], UInt64(next - first), of: device, &effects) }
            first = next
        }
        machine.forgetFreedFrames(first)
    }

    private mutating func tellFreed(
        _ first: FrameNumber, _ count: UInt64, of device: DeviceID, _ effects: inout Effects
    ) {
        guard let index = drivers.index(of: device),
            let session = sessions.index(of: drivers[index].connection), !sessions[session].isClosing
        else { return }
        effects.address(drivers[index].connection)
        effects.text.pair("!", sessions[session].takeEventNumber())
        effects.text.pair(" freed dev=", deviceName(device))
        effects.text.pair(" pfn=", hex: first.number)
        effects.text.pair(" pages=", count)
        effects.text.endLine()
    }
}

extension Operation {
    /// It waits for what comes of `asked`: for its answer, or for what the driver does then.
    fileprivate func isAsked(_ asked: Consultation) -> Bool {
        switch state {
        case .open: true
        case .consulting(let current, _): current == asked
        case .running, .inRound, .parked: false
        }
    }
}
