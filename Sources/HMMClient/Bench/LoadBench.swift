internal import Dispatch
internal import Histogram
internal import Synchronization

/// Loads a server and measures.
package enum LoadBench {
    /// Runs the plan. Blocks the calling thread.
    ///
    /// - Throws: why a connection could not be made, set up or kept.
    package static func run(_ plan: BenchPlan) throws(ClientError) -> BenchReport {
        guard plan.connections > 0, plan.depth > 0, plan.pages > 0, plan.size > 0, plan.seconds > 0 else {
            throw .options("connections, depth, pages, size and duration are at least 1")
        }
        var plan = plan
        plan.threads = max(1, min(plan.threads, plan.connections))
        var stage = try BenchStage(plan)
        var threads: [BenchThread] = []
        for thread in 0..<plan.threads {
            let own = stride(from: thread, to: plan.connections, by: plan.threads).map { stage.connections[$0] }
            threads.append(try BenchThread(own, plan: plan))
        }
        try drive(threads)
        var latencies = Histogram<UInt64>(
            highestTrackableValue: 3_600_000_000_000, numberOfSignificantValueDigits: .three)
        for thread in threads { latencies.add(thread.latencies) }
        let report = BenchReport(
            plan, latencies: latencies, answers: threads.map(\.answers).reduce(0, +), connections: stage.connections)
        try stage.clear()
        return report
    }

    /// Each thread works on connections of its own, so nothing is shared but the first error.
    private static func drive(_ threads: [BenchThread]) throws(ClientError) {
        nonisolated(unsafe) let threads = threads
        let failure = Mutex<ClientError?>(nil)
        let start = BenchThread.now()
        DispatchQueue.concurrentPerform(iterations: threads.count) { index in
            do throws(ClientError) {
                try threads[index].run(start: start)
                try threads[index].drain()
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
