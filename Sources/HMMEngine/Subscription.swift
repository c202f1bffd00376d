internal import HMMMemory
internal import HMMProtocol

/// What the engine knows of a mirror beyond its memory: whose it is, and how long it may take.
struct Subscription {
    let connection: ConnectionID
    let leaseMilliseconds: UInt64
    let acknowledgement: Acknowledgement
    /// It hears of invalidations as in 2017: when they are over.
    var isLegacy = false
    /// Its lease ran out: the device's translations are gone, and so is its subscription.
    var isFenced: Bool { fencedFor != nil }
    /// Why it was fenced.
    var fencedFor: FenceReason?
}

/// Why a mirror loses its subscription.
enum FenceReason: Equatable {
    /// It did not acknowledge in time.
    case lease
    /// Its device has been removed.
    case device
}

extension Engine {
    /// The mirror that a request of `connection` names, usable for `range`; throws why it is not.
    @inline(__always)
    func usableMirror(
        _ raw: UInt32, _ connection: ConnectionID, _ range: PageRange, exited errno: Errno = .EINVAL
    ) throws(Failure) -> (id: MirrorID, space: SpaceID, device: DeviceID) {
        let id = try ownMirror(raw, connection)
        guard let index = machine.mirrors.index(of: id) else { throw fencedFailure(raw) }
        let space = machine.mirrors[index].space
        guard machine.spaces.contains(space) else {
            throw Failure(.exited, "the address space of mirror \(raw) has gone; drop the mirror", errno: errno)
        }
        guard machine.mirrors[index].range.contains(range) else {
            throw Failure(.badArgument, "the range leaves that of mirror \(raw)", address: range.start.address)
        }
        return (id, space, machine.mirrors[index].device)
    }

    /// The mirror numbered `raw`, when it is the connection's own.
    @inline(__always)
    func ownMirror(_ raw: UInt32, _ connection: ConnectionID) throws(Failure) -> MirrorID {
        let id = MirrorID(rawValue: raw)
        guard let index = subscriptions.index(of: id) else { throw Failure(.noMirror, "there is no mirror \(raw)") }
        guard subscriptions[index].connection == connection else {
            throw Failure(.denied, "mirror \(raw) belongs to another connection")
        }
        return id
    }

    @inline(never)
    func fencedFailure(_ raw: UInt32) -> Failure {
        let reason = subscriptions.index(of: MirrorID(rawValue: raw)).flatMap { subscriptions[$0].fencedFor }
        return Failure(
            .fenced,
            reason == .device
                ? "the device of mirror \(raw) has been removed; drop the mirror"
                : "mirror \(raw) missed its lease; drop it and make a new one")
    }

    /// A mirror ends, for whatever reason: `waiting` go on, which wait for it.
    mutating func endMirror(
        _ id: MirrorID, _ waiting: [OperationID], _ now: Instant, _ effects: inout Effects
    ) {
        _ = subscriptions.remove(id)
        rollBackMigrations(now, &effects) { $0.staged.mirror == id }
        dropRanges { $0.mirror == id }
        machine.dropMirror(id)
        release(waiting, of: id, now, &effects) { $0.acked += 1 }
    }

    /// The lease of a mirror has run out, or its device has gone: it loses its subscription and is told so.
    mutating func fence(_ id: MirrorID, _ reason: FenceReason, _ now: Instant, _ effects: inout Effects) {
        let waiting = cutOff(id, reason, now, &effects)
        release(waiting, of: id, now, &effects) { $0.fenced += 1 }
    }

    /// A mirror loses its subscription and is told so. Returns the requests that wait for it: they have yet to be told.
    mutating func cutOff(
        _ id: MirrorID, _ reason: FenceReason, _ now: Instant, _ effects: inout Effects
    ) -> [OperationID] {
        guard let index = subscriptions.index(of: id), !subscriptions[index].isFenced else { return [] }
        subscriptions[index].fencedFor = reason
        switch reason {
        case .lease: effects.tally.fencedByLease += 1
        case .device: effects.tally.fencedByDevice += 1
        }
        dropRanges { $0.mirror == id }
        rollBackMigrations(now, &effects) { $0.staged.mirror == id }
        machine.dropMirror(id)
        guard let session = sessions.index(of: subscriptions[index].connection) else { return [] }
        let waiting = sessions[session].closeEvents(of: id)
        let number = sessions[session].takeEventNumber()
        effects.address(subscriptions[index].connection)
        effects.text.pair("!", number)
        effects.text.pair(" fenced mirror=", UInt64(id.rawValue))
        effects.text.pair(" reason=", word: reason == .lease ? "lease" : "device")
        effects.text.endLine()
        return waiting
    }
}
