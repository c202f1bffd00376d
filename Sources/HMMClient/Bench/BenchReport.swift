internal import Histogram

/// What a bench found.
package struct BenchReport: Encodable, Sendable {
    package var mix: [String]
    package var connections: Int
    package var depth: Int
    package var threads: Int
    package var seconds: Double
    /// Requests per second that were asked for; nil for a closed loop.
    package var rate: Double?
    package var requestsPerSecond: Double
    package var answers: Int
    package var refusals: Int
    package var firstRefusal: String?
    /// Bytes of memory read or written per second, where every request of the mix moves equally many.
    package var bytesPerSecond: Double?
    package var latencyNanoseconds: Latency

    package struct Latency: Encodable, Sendable {
        package var p50: UInt64
        package var p90: UInt64
        package var p99: UInt64
        package var p999: UInt64
        package var max: UInt64
        /// `sent`: closed loop, a slow server slows the load. `due`: fixed rate, waiting to be sent counts.
        package var measuredFrom: String
    }

    init(_ plan: BenchPlan, latencies: Histogram<UInt64>, answers: Int, connections: [BenchConnection]) {
        mix = plan.mix.map { plan.mix.count > 1 ? "\($0.weight) x \($0.text)" : $0.text }
        self.connections = plan.connections
        depth = plan.depth
        threads = plan.threads
        seconds = plan.seconds
        rate = plan.rate
        requestsPerSecond = Double(answers) / plan.seconds
        self.answers = answers
        refusals = connections.map(\.counter.refusals).reduce(0, +)
        firstRefusal = connections.lazy.compactMap(\.counter.firstRefusal).first
        let moves = plan.mix.allSatisfy { $0.text.contains("read ") || $0.text.contains("write ") }
        bytesPerSecond = moves ? requestsPerSecond * Double(plan.size) : nil
        latencyNanoseconds = Latency(
            p50: latencies.valueAtPercentile(50), p90: latencies.valueAtPercentile(90),
            p99: latencies.valueAtPercentile(99), p999: latencies.valueAtPercentile(99.9),
            max: latencies.max, measuredFrom: plan.rate == nil ? "sent" : "due")
    }
}
