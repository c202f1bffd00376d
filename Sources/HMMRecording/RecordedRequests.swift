internal import HMMEngine
internal import HMMProtocol

/// Which answers in a recording belong to requests that a transcript leaves out.
struct RecordedRequests {
    /// Of one connection. Its untagged requests are answered in their order.
    private struct Lane {
        /// For each that has not been answered, whether it is left out.
        var untagged: [Bool] = []
        var tagged: [Tag] = []
    }

    private var lanes: [ConnectionID: Lane] = [:]

    /// The transcript has it, too.
    mutating func add(_ item: borrowing RequestReader.Item, of connection: ConnectionID) {
        switch item {
        // It has no answer.
        case .request(_, .ack): break
        case .request(let tag, _), .failure(let tag, _, _):
            if tag.isEmpty { lanes[connection, default: Lane()].untagged.append(false) }
        }
    }

    mutating func leaveOut(_ tag: Tag, of connection: ConnectionID) {
        if tag.isEmpty {
            lanes[connection, default: Lane()].untagged.append(true)
        } else {
            lanes[connection, default: Lane()].tagged.append(tag)
        }
    }

    mutating func isLeftOut(_ line: ServerLine, of connection: ConnectionID) -> Bool {
        switch line {
        // That of an `ack` that knows no such event.
        case .failure(let tag, "NOEVENT", _, _, _) where tag.isEmpty: return false
        case .success(let tag, _), .failure(let tag, _, _, _, _): return end(tag, connection)
        case .bye:
            lanes[connection] = nil
            return false
        case .banner, .note, .row, .event: return false
        }
    }

    private mutating func end(_ tag: Tag, _ connection: ConnectionID) -> Bool {
        guard var lane = lanes.removeValue(forKey: connection) else { return false }
        defer { lanes[connection] = lane }
        if tag.isEmpty { return lane.untagged.isEmpty ? false : lane.untagged.removeFirst() }
        guard let place = lane.tagged.firstIndex(of: tag) else { return false }
        lane.tagged.remove(at: place)
        return true
    }
}
