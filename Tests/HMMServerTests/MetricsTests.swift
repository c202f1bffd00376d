import Glibc
import HMMEngine
import HMMProtocol
import Synchronization
import Testing

@testable import HMMServer

@Suite("Metrics")
struct MetricsTests {
    // MARK: The format

    @Test("Values of labels are escaped and read back")
    func escapes() throws {
        var output = Exposition()
        output.add(.connections, "a\"b\\c\nd", value: 7)
        let reader = try ExpositionReader(output.text)
        #expect(reader.value("hmmd_connections", ["transport": "a\"b\\c\nd"]) == 7)
    }

    @Test(
        "Seconds are exact",
        arguments: [
            (UInt64(0), "0"), (1, "0.000000001"), (3_000, "0.000003"), (1_000_000_000, "1"),
            (12_500_000_000, "12.5"), (UInt64.max, "18446744073.709551615"),
        ])
    func seconds(_ nanoseconds: UInt64, _ text: String) { #expect(Exposition.seconds(nanoseconds) == text) }

    @Test("A histogram counts what is at most the bound, and its buckets add up")
    func histogram() throws {
        var times = RunTimes()
        for time: UInt64 in [1_000, 1_001, 3_000, 2_000_000_000] { times.add(time) }
        var output = Exposition()
        output.add(.runs, times)
        let reader = try ExpositionReader(output.text)
        func bucket(_ bound: String) -> Double? { reader.value("hmmd_engine_run_seconds_bucket", ["le": bound]) }
        #expect(bucket("0.000001") == 1)
        #expect(bucket("0.000003") == 3)
        #expect(bucket("1") == 3)
        #expect(bucket("+Inf") == 4)
        #expect(reader.value("hmmd_engine_run_seconds_count") == 4)
        #expect(reader.value("hmmd_engine_run_seconds_sum") == 2.000005001)
        let counts = reader.samples.filter { $0.name.hasSuffix("_bucket") }.map(\.value)
        #expect(counts == counts.sorted())
    }

    @Test("Every metric has a name that Prometheus takes, labels and help")
    func names() {
        for metric in Metric.allCases {
            #expect(metric.name.utf8.allSatisfy { $0 == 95 || (97...122).contains($0) })
            #expect(metric.help.hasSuffix("."))
            #expect(metric.labels.allSatisfy { !$0.isEmpty && $0 != "le" })
        }
    }

    // MARK: Tenants

    private func reading(
        _ shard: AnyObject, _ name: String, requests: UInt64?, born: UInt64 = 0
    ) -> TenantSeries.Reading {
        let name = ShortName(name) ?? .none
        let figures = requests.map { TenantFigures(name: name, requests: $0) }
        return .init(shard: .init(object: ObjectIdentifier(shard), born: born), name: name, figures: figures)
    }

    private final class Shard {}

    @Test("So many tenants have a label, the others are summed, and a name is kept while its tenant is there")
    func labels() {
        let shards = (0..<4).map { _ in Shard() }
        var series = TenantSeries(bound: 2)
        series.read([
            reading(shards[0], "d", requests: 1), reading(shards[1], "c", requests: 2),
            reading(shards[2], "b", requests: 4),
        ])
        #expect(series.all.map(\.name) == ["b", "c", "other"])
        #expect(series.all.map(\.label.requests) == [4, 2, 1])
        // A tenant that comes first in the alphabet takes nobody's place.
        series.read([
            reading(shards[0], "d", requests: 1), reading(shards[1], "c", requests: 3),
            reading(shards[2], "b", requests: 4), reading(shards[3], "a", requests: 8),
        ])
        #expect(series.all.map(\.name) == ["b", "c", "other"])
        #expect(series.all.map(\.label.requests) == [4, 3, 9])
        #expect(series.all.map(\.label.gauges?.connections) == [1, 1, 2])
        // One goes: the next in the alphabet gets its label. The others' counter stays what it is.
        series.read([reading(shards[1], "c", requests: 3), reading(shards[3], "a", requests: 9)])
        #expect(series.all.map(\.name) == ["a", "c", "other"])
        #expect(series.all.map(\.label.requests) == [1, 3, 9])
        #expect(series.all.last?.label.gauges == nil)
    }

    @Test("A tenant called `other` has no label of its own")
    func other() {
        let shards = [Shard(), Shard()]
        var series = TenantSeries()
        series.read([reading(shards[0], "other", requests: 3), reading(shards[1], "x", requests: 5)])
        #expect(series.all.map(\.name) == ["x", "other"])
        #expect(series.all.map(\.label.requests) == [5, 3])
    }

    @Test("A busy tenant keeps its figures; one that has come again begins anew without taking anything back")
    func busy() {
        let shards = [Shard(), Shard()]
        var series = TenantSeries()
        series.read([reading(shards[0], "x", requests: 5)])
        series.read([reading(shards[0], "x", requests: nil)])
        #expect(series.all.map(\.label.requests) == [5, 0])
        #expect(series.all[0].label.gauges?.connections == 1)
        series.read([reading(shards[1], "x", requests: 2)])
        #expect(series.all.map(\.label.requests) == [7, 0])
        // In the same place of memory, and busier than the one before.
        series.read([reading(shards[1], "x", requests: 9, born: 1)])
        #expect(series.all.map(\.label.requests) == [16, 0])
    }

    // MARK: A server's

    @Test("What clients do is counted")
    func counts() async throws {
        try await TestServer.run({
            $0.metrics = HostPort(host: "127.0.0.1", port: 0)
            $0.maxConnections = 9
        }) { fixture in
            let a = try await fixture.client()
            let b = try await fixture.client(tenant: 1)
            #expect(try await a.ask("mm.create") == "+ mm=1")
            #expect(try await a.ask("mm.create") == "+ mm=2")
            #expect(try await b.ask("maps 7").hasPrefix("- NOMM ENOENT"))
            #expect(try await b.ask("nonsense").hasPrefix("- NOVERB ENOSYS"))
            let reader = try ExpositionReader(
                await MetricsReading(fixture.server.context).text())
            #expect(reader.value("hmmd_requests_total", ["verb": "mm.create"]) == 2)
            #expect(reader.value("hmmd_requests_total", ["verb": "maps"]) == 1)
            #expect(reader.value("hmmd_requests_refused_total", ["code": "NOMM"]) == 1)
            #expect(reader.value("hmmd_requests_refused_total", ["code": "NOVERB"]) == 1)
            #expect(reader.value("hmmd_connections", ["transport": "tls"]) == 2)
            #expect(reader.value("hmmd_connection_limit") == 9)
            #expect(reader.value("hmmd_handshakes_total", ["result": "ok"]) == 2)
            #expect(reader.value("hmmd_tenants") == 2)
            #expect(reader.value("hmmd_tenant_connections", ["tenant": "ci"]) == 1)
            #expect(reader.value("hmmd_tenant_requests_total", ["tenant": "other"]) == 2)
            #expect(reader.value("hmmd_loop_turns", ["loop": "1"]) == 1)
            #expect(try #require(reader.value("hmmd_engine_run_seconds_count")) >= 4)
            #expect(try #require(reader.value("hmmd_received_bytes_total")) > 0)
            let start = try #require(reader.value("hmmd_certificate_not_before_seconds"))
            let end = try #require(reader.value("hmmd_certificate_not_after_seconds"))
            #expect(end - start > 86_399)
            #expect(Set(reader.kinds.keys) == Set(Metric.allCases.map(\.name)))
        }
    }

    @Test("Readings at the same time count nothing twice")
    func readingsAtTheSameTime() async throws {
        try await TestServer.run({ $0.metrics = HostPort(host: "127.0.0.1", port: 0) }) { fixture in
            let client = try await fixture.client()
            let reading = MetricsReading(fixture.server.context)
            let requests = 200
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var last = 0.0
                        for _ in 0..<20 {
                            let reader = try ExpositionReader(await reading.text())
                            let count = reader.value("hmmd_tenant_requests_total", ["tenant": "ci"]) ?? 0
                            #expect(count <= Double(requests))
                            let sum = try #require(reader.value("hmmd_requests_total", ["verb": "ping"]))
                            #expect(sum >= last)
                            last = sum
                        }
                    }
                }
                for _ in 0..<requests { #expect(try await client.ask("ping") == "+") }
                try await group.waitForAll()
            }
            let reader = try ExpositionReader(await reading.text())
            #expect(reader.value("hmmd_tenant_requests_total", ["tenant": "ci"]) == Double(requests))
        }
    }

    @Test("How connections end is counted")
    func ends() async throws {
        try await TestServer.run({ $0.patience.handshake = .milliseconds(1) }) { fixture in
            let silent = try TestClient(.tcp(fixture.port))
            try await fixture.wait { fixture.log.contains("the handshake takes too long") }
            withExtendedLifetime(silent) {}
            let figures = await LoopFigures.ask(fixture.server.context.loops, within: .seconds(30))
            #expect(figures.compactMap(\.self).map { $0.counters.ended[.handshake] }.reduce(0, +) == 1)
            #expect(figures.compactMap(\.self).map { $0.counters.handshakes[.timeout] }.reduce(0, +) == 1)
            #expect(figures.compactMap(\.self).map { $0.counters.open[.tls] }.reduce(0, +) == 0)
        }
    }

    @Test("A loop that does not turn is told of, and does not hold up who asks")
    func stuck() async throws {
        try await TestServer.run { fixture in
            let context = fixture.server.context
            let gate = Gate()
            context.loops[1].eventLoop.execute { while gate.isShut.load(ordering: .relaxed) { usleep(1_000) } }
            let answers = await LoopFigures.ask(context.loops, within: .milliseconds(50))
            #expect(answers[1] == nil)
            #expect(
                await Health(server: context).stuck(within: .milliseconds(50)).contains("event loop 1 does not turn"))
            gate.isShut.store(false, ordering: .relaxed)
            #expect(await Health(server: context).stuck(within: .seconds(30)) == [])
        }
    }
}

private final class Gate: Sendable {
    let isShut = Atomic(true)
}

extension TenantFigures {
    init(name: ShortName, requests: UInt64) {
        self.init(
            name: name,
            engine: Figures(
                connections: 1, spaces: 0, devices: 0, regions: 0, mirrors: 0, pending: 0, parked: 0, rounds: 0,
                frames: 0, frameLimit: 1),
            requests: requests, engineNanoseconds: 0)
    }
}
