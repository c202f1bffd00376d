import HMMProtocol

@testable import HMMSimulator

/// What clients are told.
extension RandomWorld {
    mutating func take(_ line: ServerLine, _ name: String) throws {
        if let open = clients[name]?.rows, line.tag.map({ "\($0)" }) != open.tag {
            throw mismatch("\(name): something between the rows of an answer")
        }
        switch line {
        case .event(let number, let event, let pairs): try take(event: event, number, pairs, name)
        case .row(let tag, let pairs):
            let before = clients[name]?.rows?.pairs ?? []
            clients[name]?.rows = ("\(tag)", before + [pairs])
        case .success(let tag, let pairs): try end("\(tag)", Answer(rows: takeRows(name), pairs: pairs), name)
        case .failure(let tag, let code, let errno, let pairs, _):
            try end("\(tag)", Answer(rows: takeRows(name), pairs: pairs, failure: (code, errno)), name)
        case .banner, .note, .bye: throw mismatch("\(name): unexpected notice")
        }
    }

    private mutating func takeRows(_ name: String) -> [[ServerLine.Pair]] {
        defer { clients[name]?.rows = nil }
        return clients[name]?.rows?.pairs ?? []
    }

    private mutating func end(_ tag: String, _ answer: Answer, _ name: String) throws {
        let asked: Asked?
        if tag.isEmpty {
            asked = (clients[name]?.untagged.isEmpty ?? true) ? nil : clients[name]?.untagged.removeFirst()
        } else {
            asked = clients[name]?.tagged.removeValue(forKey: tag)
        }
        guard let asked else { throw mismatch("\(name): an answer nobody waits for") }
        recent.append(asked)
        try check(asked, answer, name)
    }

    private mutating func take(event: String, _ number: UInt64, _ pairs: [ServerLine.Pair], _ name: String) throws {
        guard var client = clients[name], let id = pairs["mirror"]?.number.map({ UInt32($0) }) else { return }
        guard number == client.nextEvent else { throw mismatch("\(name): event \(number), not \(client.nextEvent)") }
        client.nextEvent += 1
        guard var mirror = client.mirrors[id] else {
            throw mismatch("\(name): an event for mirror \(id), which is gone")
        }
        if event == "lease" {
            // Half of the lease has gone: that changes nothing.
            try expect(client.openEvents.contains { $0.number == pairs["event"]?.number }, "a warning about nothing")
        } else if event == "fenced" {
            mirror.isFenced = true
            mirror.table = [:]
            client.openEvents.removeAll { $0.mirror == id }
        } else {
            guard let va = pairs["va"]?.number, let length = pairs["len"]?.number, event == "inval", !mirror.isFenced
            else {
                throw mismatch("\(name): event \(event)")
            }
            // Clamped, because the end of a space is announced as a whole.
            mirror.table = mirror.table.filter { !(va >> 12..<(va + length) >> 12).contains($0.key) }
            if !mirror.isAutomatic { client.openEvents.append((number, id)) }
        }
        client.mirrors[id] = mirror
        clients[name] = client
    }
}
