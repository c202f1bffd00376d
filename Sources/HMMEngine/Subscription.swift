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

    /// Mirrors end, for whatever reason: `waiting` go on, which wait for them. In ascending order.
    mutating func endMirrors(
        _ ids: [MirrorID], _ waiting: [OperationID], _ now: Instant, _ effects: inout Effects
    ) {
        guard !ids.isEmpty else { return }
        subscriptions.remove(ascending: ids)
        rollBackMigrations(now, &effects) { ids.contains(ascending: $0.staged.mirror) }
        dropRanges { ids.contains(ascending: $0.mirror) }
        machine.dropMirrors(ids)
        release(waiting, of: ids, now, &effects) { $0.acked += $1 }
    }

    /// The leases of mirrors have run out, in ascending order: they lose their subscriptions and are told so.
    mutating func fence(_ ids: [MirrorID], _ now: Instant, _ effects: inout Effects) {
        let waiting = cutOff(ids, .lease, now, &effects)
        release(waiting, of: ids, now, &effects) { $0.fenced += $1 }
    }

    /// Mirrors, in ascending order, lose their subscriptions and are told so. Returns the requests that wait for them:
    /// they have yet to be told.
    mutating func cutOff(
        _ all: [MirrorID], _ reason: FenceReason, _ now: Instant, _ effects: inout Effects
    ) -> [OperationID] {
        let ids = all.filter { id in subscriptions.index(of: id).map { !subscriptions[$0].isFenced } ?? false }
        for id in ids {
            if let index = subscriptions.index(of: id) { subscriptions[index].fencedFor = reason }
        }
        switch reason {
        case .lease: effects.tally.fencedByLease += UInt64(ids.count)
        case .device: effects.tally.fencedByDevice += UInt64(ids.count)
        }
        dropRanges { ids.contains(ascending: $0.mirror) }
        rollBackMigrations(now, &effects) { ids.contains(ascending: $0.staged.mirror) }
        machine.dropMirrors(ids)
        var waiting: [OperationID] = []
        var heard: Set<ConnectionID> = []
        for id in ids {
            guard let index = subscriptions.index(of: id), case let connection = subscriptions[index].connection,
                let session = sessions.index(of: connection)
            else { continue }
            if heard.insert(connection).inserted { waiting += sessions[session].closeEvents(of: ids) }
            effects.address(connection)
            effects.text.pair("!", sessions[session].takeEventNumber())
            effects.text.pair(" fenced mirror=", UInt64(id.rawValue))
            effects.text.pair(" reason=", word: reason == .lease ? "lease" : "device")
            effects.text.endLine()
        }
        return waiting
    }
}
