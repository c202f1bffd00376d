internal import Glibc
internal import Histogram

/// One thread of load: an epoll loop over its connections.
final class BenchThread {
    private let connections: [BenchConnection]
    private let plan: BenchPlan
    /// Nanoseconds between two requests of this thread; nil for a closed loop.
    private let interval: Double?
    private let poller: Poller
    private(set) var latencies = Histogram<UInt64>(
        highestTrackableValue: 3_600_000_000_000, numberOfSignificantValueDigits: .three)
    /// Answers within the measured time.
    private(set) var answers = 0

    init(_ connections: [BenchConnection], plan: BenchPlan) throws(ClientError) {
        self.connections = connections
        self.plan = plan
        interval = plan.rate.map { 1e9 * Double(plan.connections) / ($0 * Double(connections.count)) }
        poller = try Poller()
        for (index, connection) in connections.enumerated() { poller.watch(connection.socket.descriptor, as: index) }
    }

    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Runs from `start` on: warm-up, then the time that is measured.
    func run(start: UInt64) throws(ClientError) {
        let measured = start + UInt64(plan.warmUpSeconds * 1e9)
        let end = measured + UInt64(plan.seconds * 1e9)
        for connection in connections { connection.socket.startBench() }
        var sequence = 0
        if interval == nil { for connection in connections { try connection.fill(at: Self.now()) } }
        while true {
            var now = Self.now()
            if now >= end { break }
            if let interval {
                while start + UInt64(Double(sequence) * interval) <= now {
                    let connection = connections[sequence % connections.count]
                    connection.schedule(start + UInt64(Double(sequence) * interval))
                    try connection.sendDue()
                    sequence += 1
                }
            }
            let next = interval.map { min(end, start + UInt64(Double(sequence) * $0)) } ?? end
            now = Self.now()
            try poller.wait(nanoseconds: next > now ? next - now : 0) { index throws(ClientError) in
                try serve(connections[index], from: measured, until: end)
            }
        }
    }

    private func serve(_ connection: BenchConnection, from measured: UInt64, until end: UInt64) throws(ClientError) {
        if !connection.socket.unsent.isEmpty { try connection.socket.flush() }
        var now: UInt64 = 0
        let count = try connection.receive { due in
            if now == 0 { now = Self.now() }
            // Requests that were due during the warm-up belong to it, however late they are answered.
            if now >= measured, now <= end { latencies.record(max(1, now &- min(due, now))) }
        }
        guard count > 0 else { return }
        if now >= measured, now <= end { answers += count }
        if interval == nil {
            try connection.fill(at: now)
        } else {
            try connection.sendDue()
        }
    }

    /// Waits for the answers still owed, for a second at most.
    func drain() throws(ClientError) {
        let end = Self.now() + 1_000_000_000
        for connection in connections {
            while connection.outstanding > 0, Self.now() < end {
                try connection.socket.flush()
                if try connection.receive({ _ in }) == 0 { usleep(200) }
            }
        }
    }
}
