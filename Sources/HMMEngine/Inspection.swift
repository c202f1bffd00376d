package import HMMMemory
package import HMMProtocol

/// What tests and the simulator see of an engine from outside. Nothing here changes it.
extension Engine {
    /// An event that a paused request waits for.
    package struct Awaited: Equatable {
        package let connection: ConnectionID
        package let event: UInt64
        package let mirror: UInt32
        /// The request that waits.
        package let request: UInt32
    }

    /// Every event that a paused request waits for, the oldest request's first.
    package var awaited: [Awaited] {
        var found: [Awaited] = []
        for index in 0..<operations.count {
            guard case .inRound(let round, _) = operations[index].state else { continue }
            for entry in round.waiting.entries {
                found.append(
                    Awaited(
                        connection: entry.connection, event: entry.event, mirror: entry.mirror.rawValue,
                        request: operations.id(at: index).rawValue))
            }
        }
        return found
    }

    /// Whose requests go on, whatever becomes of their connections.
    package var begun: [(connection: ConnectionID, tag: Tag)] {
        (0..<operations.count).compactMap { index in
            if case .parked = operations[index].state, !operations[index].hasBegun { return nil }
            return (operations[index].caller.connection, operations[index].caller.tag)
        }
    }

    /// A request of a connection, which may have gone, is under way.
    package func isBusy(for connection: ConnectionID) -> Bool {
        (0..<operations.count).contains { operations[$0].caller.connection == connection }
    }

    /// For each input that the last tick took of those put off: where the effects' text ended by then.
    package var takenAt: [Int] { deferred.taken }

    /// What is wrong with the bookkeeping of paused requests.
    var roundViolations: [String] {
        var found: [String] = []
        var holding = 0
        var rounds: [SpaceID: Int] = [:]
        for index in 0..<operations.count {
            let id = operations.id(at: index)
            switch operations[index].state {
            case .running: found.append("request \(id.rawValue) was left running")
            case .inRound(let round, _):
                holding += 1
                rounds[round.invalidation.space, default: 0] += 1
                guard let due = round.nextDeadline, nextDeadline.map({ $0 > due }) ?? true else { continue }
                found.append("request \(id.rawValue) has a deadline that nobody looks after")
            case .open, .consulting: holding += 1
            case .parked: continue
            }
        }
        if holding != roundsRunning { found.append("\(holding) requests hold ranges, not \(roundsRunning)") }
        return found + claimViolations + announcementViolations(rounds)
    }

    /// Much may be as it likes while an announcement runs: one that nobody ends would excuse it for ever.
    private func announcementViolations(_ rounds: [SpaceID: Int]) -> [String] {
        (0..<machine.spaces.count).compactMap { index in
            let id = machine.spaces.id(at: index)
            let (running, waiting) = (machine.spaces[index].activeInvalidations, rounds[id] ?? 0)
            guard running != waiting else { return nil }
            return "mm \(id.rawValue): \(running) invalidations run, and \(waiting) requests wait for one"
        }
    }

    /// No announcement in the address space is under way.
    package func isQuiet(_ space: UInt32) -> Bool {
        guard let index = machine.spaces.index(of: SpaceID(rawValue: space)) else { return true }
        return machine.spaces[index].activeInvalidations == 0
    }

    /// What the CPU's page table has for a page; nil without such an address space.
    package func entry(_ space: UInt32, _ page: UInt64) -> PageEntry? {
        guard let index = machine.spaces.index(of: SpaceID(rawValue: space)) else { return nil }
        return machine.spaces[index].table[Page(number: page)]
    }

    /// Runs `body` on the bytes of a page frame in use.
    package func withBytes<Result>(of frame: UInt64, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = machine.physical.bytes(FrameNumber(number: frame))
        return body(UnsafeRawBufferPointer(start: start, count: Int(PageSize.bytes)))
    }

    /// Of limits that things count against: name, use and bound.
    package var uses: [(name: String, use: UInt64, bound: UInt64)] {
        let largest = (0..<machine.spaces.count).map { machine.spaces[$0].areas.areas.count }.max() ?? 0
        let counted = limits.rows.compactMap { row in
            used(row.name.description).map { (row.name.description, $0, row.value) }
        }
        return counted + [("areas", UInt64(largest), UInt64(limits.areas))]
    }

    /// What outlives connections, by the verb that gives it back and its name.
    package var inventory: [String] {
        let spaces = (0..<machine.spaces.count).map { "mm.drop \(machine.spaces.id(at: $0).rawValue)" }
        let regions = (0..<machine.regions.count).map { "region.remove \(machine.regions.id(at: $0).rawValue)" }
        let held = umbrellas.filter { !$0.isReleased }.map { "hmm.device-put \($0.name)" }
        let files = fileNames.map { "file.remove \($0.name)" }
        let devices = (0..<machine.devices.count).map { "dev.remove \(deviceName(machine.devices.id(at: $0)))" }
        return spaces + files + regions + devices + held
    }

    /// What is there although everything has been given back.
    package var leftovers: [String] {
        let counts: [(String, Int)] = [
            ("address spaces", machine.spaces.count), ("mirrors", machine.mirrors.count),
            ("files", machine.files.count), ("regions", machine.regions.count), ("devices", machine.devices.count),
            ("pins", machine.pins.count), ("huge pages", Int(machine.hugePagesReserved)),
            ("connections", sessions.count), ("requests", operations.count), ("subscriptions", subscriptions.count),
            ("migrations", openMigrations.count), ("ranges", openRanges.count), ("rounds", roundsRunning),
            ("owners of pins", pinOwners.count), ("umbrellas", umbrellas.count),
            ("frames", Int(machine.physical.used)),
        ]
        return counts.filter { $0.1 != 0 }.map { "\($0.1) \($0.0)" }
    }
}
