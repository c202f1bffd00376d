internal import HMMEngine

/// What an event loop says of itself when asked.
struct LoopFigures: Sendable {
    /// By the loop's clock, in nanoseconds.
    var takenAt: UInt64
    /// Nanoseconds from the question to the answer: how long anything waits for its turn.
    var lag: UInt64
    var connections: Int
    /// Bytes that wait for clients to read.
    var unsent: Int
    var counters: LoopCounters
    var tally: Tally
    /// Empty and zero where nothing is measured.
    var requests: [UInt64]
    var runs: RunTimes

    init(_ loop: LoopContext, askedAt: UInt64) {
        takenAt = EventLoop.clock()
        lag = takenAt &- askedAt
        connections = loop.connections.count
        unsent = loop.connections.reduce(0) { $0 + $1.socket.unsent }
        counters = loop.counters
        tally = loop.effects.tally
        requests = loop.meter?.requests ?? []
        runs = loop.meter?.times ?? RunTimes()
    }

    static func ask(_ loops: [LoopContext], within patience: Duration) async -> [LoopFigures?] {
        let now = EventLoop.clock()
        return await LoopSurvey.ask(loops, within: patience) { LoopFigures($0, askedAt: now) }
    }
}
