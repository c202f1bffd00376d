internal import HMMMemory
internal import HMMProtocol

/// The table of paused operations, and what is known of them by page and by whom they wait for. Whatever changes an
/// operation's state there takes its claims back first and makes the new ones after.
extension Engine {
    /// An operation pauses for the first time.
    @discardableResult
    mutating func enter(_ operation: consuming Operation) -> OperationID {
        areasPromised.add(operation.verb, limits)
        var operation = operation
        operation.payload = operation.dataBytes
        waitingBytes += operation.payload
        let id = operations.append(operation)
        claim(operations.count - 1)
        return id
    }

    /// An operation is over.
    mutating func leave(_ id: OperationID) -> Operation? {
        guard let index = operations.index(of: id) else { return nil }
        disclaim(index)
        areasPromised.add(operations[index].verb, limits, count: -1)
        waitingBytes -= operations[index].payload
        return operations.remove(id)
    }

    /// Others hear of what the operation at `index` holds, wants and waits for.
    mutating func claim(_ index: Int) {
        if case .inRound = operations[index].state { operations[index].findMissing(&machine) }
        let claimed = operations[index].claims
        machine.spend(operations[index].lookedAt)
        operations[index].claimed = claimed
        for hold in claimed { claims.insert(claim(of: index, hold)) }
        guard case .parked(let holder) = operations[index].state else { return }
        waiters[holder, default: Waiters()].insert(operations.id(at: index))
    }

    mutating func disclaim(_ index: Int) {
        for hold in operations[index].claimed { claims.remove(claim(of: index, hold)) }
        operations[index].claimed = []
        guard case .parked(let holder) = operations[index].state, let waiting = waiters.index(forKey: holder) else {
            return
        }
        waiters.values[waiting].remove(operations.id(at: index))
        if waiters.values[waiting].isEmpty { waiters.remove(at: waiting) }
    }

    private func claim(of index: Int, _ hold: Hold) -> Claims.Claim {
        Claims.Claim(
            space: hold.space, range: hold.range, id: operations.id(at: index), holds: operations[index].holds)
    }

    /// What is wrong with all that.
    var claimViolations: [String] {
        var found: [String] = []
        var count = 0
        var bytes = (0..<sessions.count).reduce(0) { $0 + sessions[$1].lane.queuedBytes }
        var promised = MostAreas()
        let woken = Set(
            ready.waiting.compactMap { if case .parked(let id) = $0 { id } else { nil } })
        for index in 0..<operations.count {
            let id = operations.id(at: index)
            let claimed = operations[index].claimed
            count += claimed.count
            bytes += operations[index].payload
            promised.add(operations[index].verb, limits)
            if claimed != operations[index].claims || !claimed.allSatisfy({ claims.contains(claim(of: index, $0)) }) {
                found.append("request \(id.rawValue) holds or wants pages that nobody knows of")
            }
            guard case .parked(let holder) = operations[index].state, !woken.contains(id) else { continue }
            if !operations.contains(holder) {
                found.append("request \(id.rawValue) waits behind one that has gone")
            } else if waiters[holder]?.contains(id) != true {
                found.append("request \(id.rawValue) waits behind one that does not know of it")
            }
        }
        if count != claims.count { found.append("\(claims.count) claims are known, and there are \(count)") }
        if bytes != waitingBytes { found.append("\(waitingBytes) bytes are said to wait, and \(bytes) do") }
        if promised != areasPromised { found.append("areas are promised that nobody waits for") }
        return found
    }
}

/// Operations that wait for the same one, in ascending order.
struct Waiters: Sequence {
    private var ids: [OperationID] = []

    var isEmpty: Bool { ids.isEmpty }

    func contains(_ id: OperationID) -> Bool {
        let position = position(of: id)
        return position < ids.count && ids[position] == id
    }

    mutating func insert(_ id: OperationID) {
        let position = position(of: id)
        if position == ids.count || ids[position] != id { ids.insert(id, at: position) }
    }

    mutating func remove(_ id: OperationID) {
        if contains(id) { ids.remove(at: position(of: id)) }
    }

    private func position(of id: OperationID) -> Int {
        guard let last = ids.last, id <= last else { return ids.count }
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func makeIterator() -> IndexingIterator<[OperationID]> { ids.makeIterator() }
}

extension Operation {
    /// What a client has sent with it. Only what it has not begun with can be so much.
    fileprivate var dataBytes: Int {
        switch work {
        case .store(_, let write): write.data.count
        case .deviceStore(_, let write): write.data.count
        case .fileStore(_, let write): write.data.count
        case .fault(let fault): fault.request.each?.count ?? 0
        default: 0
        }
    }
}
