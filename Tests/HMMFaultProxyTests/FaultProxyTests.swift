import HMMFaultProxy
import Testing

/// Connections through a bad network, as both ends see them.
@Suite(.timeLimit(.minutes(2))) struct FaultProxyTests {
    private static let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private static let gentle: [Faults] = {
        var late = Faults()
        late.latencyMilliseconds = 5
        var single = Faults()
        single.segmentBytes = 1
        var slow = Faults()
        slow.bytesPerSecond = 1_000_000
        var all = late
        all.segmentBytes = 7
        all.bytesPerSecond = 1_000_000
        return [Faults(), late, single, slow, all]
    }()

    /// What is late, slow or in pieces arrives all the same, in its order, and so does the end of it.
    @Test(arguments: gentle.indices) func nothingIsLost(_ index: Int) async throws {
        try await Wire.run(Directions(client: Self.gentle[index], server: Self.gentle[index])) { (wire) async throws in
            for (from, to) in [(Wire.Side.client, Wire.Side.server), (.server, .client)] {
                await wire.send(Self.bytes, from: from)
                #expect(try await wire.readAll(Self.bytes.count, at: to).bytes == Self.bytes)
            }
            // A side that has ended hears the other one still.
            wire.endOutput(of: .client)
            #expect(try await wire.read(1, at: .server) == .end)
            await wire.send([7], from: .server)
            #expect(try await wire.read(1, at: .client) == .bytes([7]))
            wire.endOutput(of: .server)
            #expect(try await wire.read(1, at: .client) == .end)
        }
    }

    /// One direction is late by more than any test takes: what was sent there has not come when many bytes have gone
    /// the other way, one after another.
    @Test func oneDirectionIsLate() async throws {
        var directions = Directions()
        directions.client.latencyMilliseconds = 3_600_000
        try await Wire.run(directions) { (wire) async throws in
            await wire.send([1], from: .client)
            for value: UInt8 in 0..<100 {
                await wire.send([value], from: .server)
                #expect(try await wire.read(1, at: .client) == .bytes([value]))
            }
            #expect(!wire.hasInput(.server))
        }
    }

    @Test(arguments: [0, 1, 1000]) func bothSidesSeeTheCut(after count: Int) async throws {
        var directions = Directions()
        directions.client.ending = .init(.cut, afterBytes: count)
        try await Wire.run(directions) { (wire) async throws in
            await wire.send(Self.bytes, from: .client)
            let server = try await wire.readAll(Self.bytes.count, at: .server)
            // A reset may overtake what has not been read yet.
            #expect(server.end == .reset && server.bytes == Array(Self.bytes.prefix(server.bytes.count)))
            #expect(server.bytes.count <= count)
            let client = try await wire.readAll(1, at: .client)
            #expect(client.end == .reset && client.bytes.isEmpty)
        }
    }

    @Test func aStalledDirectionLeavesTheOtherAlone() async throws {
        var directions = Directions()
        directions.client.ending = .init(.stall, afterBytes: 1000)
        try await Wire.run(directions) { (wire) async throws in
            await wire.send(Self.bytes, from: .client)
            #expect(try await wire.readAll(1000, at: .server).bytes == Array(Self.bytes[..<1000]))
            for value: UInt8 in 0..<100 {
                await wire.send([value], from: .server)
                #expect(try await wire.read(1, at: .client) == .bytes([value]))
            }
            #expect(!wire.hasInput(.server))
        }
    }

    /// Both sides go on sending into nothing, and neither hears that the other has ended.
    @Test func aHalfOpenConnectionSwallowsEverything() async throws {
        var directions = Directions()
        directions.server.ending = .init(.halfOpen, afterBytes: 10)
        try await Wire.run(directions) { (wire) async throws in
            await wire.send(Array(Self.bytes[..<20]), from: .server)
            #expect(try await wire.readAll(10, at: .client).bytes == Array(Self.bytes[..<10]))
            // Far more than what the system would hold for a proxy that does not read.
            let much = [UInt8](repeating: 1, count: 1 << 16)
            for _ in 0..<256 { await wire.send(much, from: .client) }
            wire.endOutput(of: .server)
            wire.endOutput(of: .client)
            #expect(!wire.hasInput(.client) && !wire.hasInput(.server))
        }
    }

    @Test func withoutAServerTheClientIsClosed() async throws {
        // Nobody listens on port 1 of this machine.
        let proxy = try await FaultProxy.listen(to: "127.0.0.1", 1, Directions())
        #expect(try Wire.firstOutcome(port: proxy.port) == .end)
        await proxy.close()
    }
}
