internal import Glibc
internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS

/// Reads all metrics of a server, whatever its loops and tenants are busy with.
///
/// Several may read at once. Tenants are asked and their figures taken without another reading in between, and of a
/// loop's figures the latest hold: no counter goes back, and nothing is counted twice.
actor MetricsReading {
    /// For the loops to answer.
    private static let patience = Duration.seconds(1)
    /// Nanoseconds for one tenant's engine to come to rest, and for all of them together.
    private static let tenantPatience: UInt64 = 2_000_000
    private static let tenantBudget: UInt64 = 200_000_000

    private let server: ServerContext
    /// The latest figures of each loop, also of one that does not answer.
    private var loops: [LoopFigures?]
    private var tenants = TenantSeries()

    init(_ server: ServerContext) {
        self.server = server
        loops = Array(repeating: nil, count: server.loops.count)
    }

    func text() async -> String {
        let answers = await LoopFigures.ask(server.loops, within: Self.patience)
        for (index, answer) in answers.enumerated() {
            if let answer, answer.takenAt >= loops[index]?.takenAt ?? 0 { loops[index] = answer }
        }
        let readings = readTenants()
        tenants.read(readings)
        var output = Exposition()
        output.add(.buildInfo, Engine.version, value: 1)
        write(loops.compactMap(\.self), &output)
        for (index, answer) in answers.enumerated() {
            if let answer { output.add(.loopLag, "\(index)", seconds: answer.lag) }
        }
        for (index, answer) in answers.enumerated() {
            output.add(.loopTurns, "\(index)", value: answer == nil ? 0 : 1)
        }
        for (index, loop) in loops.enumerated() {
            if let loop { output.add(.loopConnections, "\(index)", value: UInt64(loop.connections)) }
        }
        output.add(.tenants, value: UInt64(readings.count))
        write(tenants, &output)
        writeCertificate(&output)
        write(ProcessFigures(), &output)
        return output.text
    }

    private func readTenants() -> [TenantSeries.Reading] {
        let end = EventLoop.clock() + Self.tenantBudget
        return server.tenants.all.map { shard in
            let patience = EventLoop.clock() < end ? Self.tenantPatience : 0
            return .init(
                shard: .init(object: ObjectIdentifier(shard), born: shard.born.nanoseconds), name: shard.name,
                figures: TenantFigures(shard, patience: patience))
        }
    }

    // MARK: Writing

    private func write(_ loops: [LoopFigures], _ output: inout Exposition) {
        func sum(_ part: (LoopFigures) -> UInt64) -> UInt64 { loops.reduce(0) { $0 &+ part($1) } }
        for transport in LoopCounters.Transport.allCases {
            output.add(.connections, transport.label, value: sum { $0.counters.open[transport] })
        }
        output.add(.connectionLimit, value: UInt64(server.admission.bound))
        for transport in LoopCounters.Transport.allCases {
            output.add(.accepted, transport.label, value: sum { $0.counters.accepted[transport] })
        }
        output.add(.turnedAway, value: sum { $0.counters.turnedAway })
        output.add(.acceptFailures, value: sum { $0.counters.acceptFailures })
        for reason in ConnectionEnd.allCases {
            output.add(.ended, reason.label, value: sum { $0.counters.ended[reason] })
        }
        for outcome in HandshakeOutcome.allCases {
            output.add(.handshakes, outcome.label, value: sum { $0.counters.handshakes[outcome] })
        }
        output.add(.received, value: sum { $0.counters.received })
        output.add(.sent, value: sum { $0.counters.sent })
        output.add(.unsent, value: sum { UInt64($0.unsent) })
        output.add(.buffered, value: server.tenants.buffers.count)
        for verb in VerbName.allCases {
            output.add(
                .requests, verb.spec.name, value: sum { $0.requests.isEmpty ? 0 : $0.requests[Int(verb.rawValue)] })
        }
        for code in ErrorCode.allCases {
            output.add(.refused, code.rawValue, value: sum { $0.tally.refused[code] ?? 0 })
        }
        output.add(.fenced, "lease", value: sum { $0.tally.fencedByLease })
        output.add(.fenced, "device", value: sum { $0.tally.fencedByDevice })
        output.add(.runs, loops.reduce(into: RunTimes()) { $0.add($1.runs) })
    }

    private func write(_ series: TenantSeries, _ output: inout Exposition) {
        let all = series.all
        func gauge(_ metric: Metric, _ part: (TenantSeries.Label) -> UInt64?) {
            for (name, label) in all { output.add(metric, name, value: part(label) ?? 0) }
        }
        gauge(.tenantConnections) { $0.gauges?.connections }
        gauge(.tenantMirrors) { $0.gauges?.mirrors }
        gauge(.tenantPending) { $0.gauges?.pending }
        gauge(.tenantParked) { $0.gauges?.parked }
        gauge(.tenantRounds) { $0.gauges?.rounds }
        gauge(.tenantFrames) { $0.gauges?.frames }
        gauge(.tenantFrameLimit) { $0.gauges?.frameLimit }
        gauge(.tenantRequests) { $0.requests }
        for (name, label) in all { output.add(.tenantEngine, name, seconds: label.engineNanoseconds) }
    }

    private func writeCertificate(_ output: inout Exposition) {
        guard let validity = server.certificates?.current.validity else { return }
        output.add(.certificateStart, value: UInt64(clamping: validity.notBefore))
        output.add(.certificateEnd, value: UInt64(clamping: validity.notAfter))
    }

    private func write(_ process: ProcessFigures, _ output: inout Exposition) {
        if let time = process.processorNanoseconds { output.add(.processorTime, seconds: time) }
        if let bytes = process.residentBytes { output.add(.residentBytes, value: bytes) }
        if let bytes = process.virtualBytes { output.add(.virtualBytes, value: bytes) }
        if let count = process.openFiles { output.add(.openFiles, value: count) }
        if let count = process.openFileLimit { output.add(.openFileLimit, value: count) }
        if let time = process.startTime { output.add(.startTime, value: time) }
    }
}
