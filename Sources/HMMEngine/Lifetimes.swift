internal import HMMMemory
internal import HMMProtocol

/// What goes with the connection that made it. Kernel: devm_*, released in reverse order.
struct Managed: Equatable {
    enum Thing: Equatable {
        case device(DeviceID)
        case region(RegionID)
    }

    let thing: Thing
    let owner: ConnectionID
}

extension Engine {
    /// A connection has gone: what it was to take with it goes, the newest first.
    mutating func releaseManaged(of connection: ConnectionID, _ now: Instant, _ effects: inout Effects) {
        let gone = managed.filter { $0.owner == connection }.reversed()
        // What cannot go now, because someone does I/O on it, may be removed by hand later.
        managed.removeAll { $0.owner == connection }
        let caller = Caller(connection: connection, tag: .none)
        for entry in gone {
            switch entry.thing {
            case .device(let id): run(removal(of: id, caller), now, &effects)
            case .region(let id):
                run(
                    Operation(
                        caller: caller, verb: .regionRemove, space: SpaceID(rawValue: 0),
                        work: .evict(Eviction([id], machine), .region(id))),
                    now, &effects)
            }
        }
    }
}
