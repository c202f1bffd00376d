/// Timers in order of their deadlines. There are few: one for each tenant with an invalidation, one sweep a loop.
struct TimerQueue {
    /// Names one timer, to cancel it.
    struct Ticket: Equatable {
        fileprivate let number: UInt64
    }

    private struct Entry {
        let deadline: UInt64
        let number: UInt64
        let body: () -> Void
    }

    /// The latest first, so that the next one is at the end.
    private var entries: [Entry] = []
    private var lastNumber: UInt64 = 0

    var isEmpty: Bool { entries.isEmpty }
    var nextDeadline: UInt64? { entries.last?.deadline }

    mutating func add(_ deadline: UInt64, _ body: @escaping () -> Void) -> Ticket {
        lastNumber += 1
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].deadline > deadline { low = middle + 1 } else { high = middle }
        }
        entries.insert(Entry(deadline: deadline, number: lastNumber, body: body), at: low)
        return Ticket(number: lastNumber)
    }

    mutating func remove(_ ticket: Ticket) { entries.removeAll { $0.number == ticket.number } }

    /// The timer added last.
    var latest: Ticket { Ticket(number: lastNumber) }

    /// The body of the earliest timer that is due, of those added up to `latest`.
    mutating func takeDue(_ now: UInt64, upTo latest: Ticket) -> (() -> Void)? {
        for index in entries.indices.reversed() {
            guard entries[index].deadline <= now else { return nil }
            if entries[index].number <= latest.number { return entries.remove(at: index).body }
        }
        return nil
    }
}
