internal import HMMEngine
internal import HMMProtocol

/// What an event loop counts. Plain numbers, touched on the loop only: nothing on the way of a request is shared
/// between threads for the sake of a metric.
struct LoopCounters: Sendable {
    /// How clients reach the server.
    enum Transport: Int, CaseIterable, Sendable {
        case tls, plain, unix

        var label: String { "\(self)" }
    }

    var accepted = Tallies<Transport>()
    /// Connections that have not ended.
    var open = Tallies<Transport>()
    var ended = Tallies<ConnectionEnd>()
    var handshakes = Tallies<HandshakeOutcome>()
    /// Closed at once because there were too many.
    var turnedAway: UInt64 = 0
    /// Times that the kernel had no room for one.
    var acceptFailures: UInt64 = 0
    /// Bytes on the wire, TLS included.
    var received: UInt64 = 0
    var sent: UInt64 = 0
}

/// A count for each case of an enumeration whose raw values are 0, 1, 2, …
struct Tallies<Key: CaseIterable & RawRepresentable<Int> & Sendable>: Sendable {
    private var counts = [UInt64](repeating: 0, count: Key.allCases.count)

    subscript(_ key: Key) -> UInt64 {
        get { counts[key.rawValue] }
        set { counts[key.rawValue] = newValue }
    }

    mutating func add(_ other: Tallies) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
    }
}

/// How long runs of engines take: how many were at most so long, and their sum.
struct RunTimes: Sendable {
    /// Upper bounds in nanoseconds, ascending; what is longer is in one more bucket.
    static let bounds: [UInt64] = [
        1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000,
        300_000_000, 1_000_000_000,
    ]

    /// Runs by the first bound they keep to, those past the last one at the end.
    private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    private(set) var nanoseconds: UInt64 = 0

    mutating func add(_ time: UInt64) {
        var bucket = 0
        while bucket < Self.bounds.count, time > Self.bounds[bucket] { bucket += 1 }
        counts[bucket] &+= 1
        nanoseconds &+= time
    }

    mutating func add(_ other: RunTimes) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
        nanoseconds &+= other.nanoseconds
    }
}

/// What is counted for each request and each run: only where somebody asks for metrics, because it costs some
/// nanoseconds of each.
final class RunMeter {
    /// Requests by number of verb.
    private(set) var requests = [UInt64](repeating: 0, count: VerbName.allCases.count)
    private(set) var times = RunTimes()
    private var start: UInt64 = 0

    @inline(__always)
    func count(_ item: RequestReader.Item) {
        if case .request(_, let request) = item { requests[Int(request.name.rawValue)] &+= 1 }
    }

    @inline(__always)
    func count(_ input: Input) {
        if case .request(_, _, let request) = input { requests[Int(request.name.rawValue)] &+= 1 }
    }

    /// A run begins. One loop runs one engine at a time.
    func begin() { start = EventLoop.clock() }

    /// Ends the run; returns its nanoseconds.
    func end() -> UInt64 {
        let time = EventLoop.clock() &- start
        times.add(time)
        return time
    }
}
