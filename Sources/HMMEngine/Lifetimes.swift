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
        let gone = Array(managed.filter { $0.owner == connection }.map(\.thing).reversed())
        guard !gone.isEmpty else { return }
        // What cannot leave now, because someone uses its pages, is nobody's: anyone may remove it later.
        managed.removeAll { $0.owner == connection }
        var left: [RegionID] = []
        for thing in gone {
            switch thing {
            case .device(let id): left += regions(of: id).reversed().filter { !left.contains($0) }
            case .region(let id): if !left.contains(id) { left.append(id) }
            }
        }
        run(
            Operation(
                caller: Caller(connection: connection, tag: .none), verb: .regionRemove, space: SpaceID(rawValue: 0),
                work: .evict(Boxed(Eviction(left, machine)), .managed(gone))),
            now, &effects)
    }
}
