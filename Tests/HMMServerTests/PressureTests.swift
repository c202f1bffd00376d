import HMMEngine
import HMMProtocol
import Testing

@testable import HMMServer

@Suite struct PressureTests {
    /// 64 MiB of answers are owed to a client that has not read any: more than may be unsent. It is made to wait, not
    /// cut off.
    @Test(arguments: TestServer.Transport.allCases)
    func pipelinedBulkReadsAreAllAnswered(over transport: TestServer.Transport) async throws {
        try await TestServer.run({ $0.plainLoopbackPort = 0 }) { fixture in
            let client = try await fixture.client(over: transport, receiveBuffer: 65536)
            let size = 1 << 20
            #expect(try await client.ask("mm.create") == "+ mm=1")
            #expect(try await client.ask("mmap 1 0x100000 1m").hasPrefix("+"))
            #expect(try await client.ask("write 1 0x100000 x len=1m") == "+ n=\(size)")
            for index in 0..<64 { try await client.send("#\(index) read 1 0x100000 1m") }
            for index in 0..<64 {
                #expect(try await client.line() == "=\(index) data={\(size)}")
                #expect(try await client.bytes(size + 1).allSatisfy { $0 == UInt8(ascii: "x") || $0 == 10 })
                #expect(try await client.line() == "+\(index) n=\(size)")
            }
        }
    }

    /// More is asked than may be held back, so the server stops reading; all of it is answered once the client reads.
    @Test(arguments: TestServer.Transport.allCases)
    func requestsBeyondTheBoundWaitInTheSocket(over transport: TestServer.Transport) async throws {
        let change: (inout ServerConfiguration) -> Void = {
            $0.limits.queuedBytes = 65536
            $0.plainLoopbackPort = 0
        }
        try await TestServer.run(change) { fixture in
            let client = try await fixture.client(over: transport, receiveBuffer: 65536)
            #expect(try await client.ask("mm.create") == "+ mm=1")
            #expect(try await client.ask("mmap 1 0x100000 64k").hasPrefix("+"))
            let count = 4000
            // The kernel's buffers take all of it, so that sending does not block.
            try await client.send(bytes: (0..<count).flatMap { Array("#\($0) read 1 0x100000 16k\n".utf8) })
            try await client.send("#last ping")
            for index in 0..<count {
                #expect(try await client.line() == "=\(index) data={16384}")
                _ = try await client.bytes(16385)
                #expect(try await client.line() == "+\(index) n=16384")
            }
            #expect(try await client.line() == "+last")
        }
    }

    /// More untagged requests follow a paused one than may wait behind it: the engine asks for a pause.
    @Test(arguments: TestServer.Transport.allCases, [false, true])
    func aPauseLosesNothing(over transport: TestServer.Transport, endsAtOnce: Bool) async throws {
        let change: (inout ServerConfiguration) -> Void = {
            $0.limits.queuedBytes = 8192
            $0.plainLoopbackPort = 0
        }
        try await TestServer.run(change) { fixture in
            let process = try await fixture.client(over: transport)
            let driver = try await fixture.client(over: transport)
            #expect(try await process.ask("mm.create") == "+ mm=1")
            #expect(try await process.ask("mmap 1 0x10000 1p").hasPrefix("+"))
            #expect(try await driver.ask("dev.create gpu").hasPrefix("+"))
            #expect(try await driver.ask("mirror 1 gpu 0x10000 1p lease=600000").hasPrefix("+"))
            let count = 20_000
            let pings = String(repeating: "ping\n", count: count)
            try await process.send(bytes: Array("munmap 1 0x10000 1p\n\(pings)mm.create\n".utf8))
            if endsAtOnce { try await process.endOutput() }
            #expect(try await driver.line().hasPrefix("!1 inval"))
            try await driver.send("ack 1")
            #expect(try await process.line().contains("acked=1"))
            for _ in 0..<count { #expect(try await process.line() == "+") }
            #expect(try await process.line() == "+ mm=2")
            if endsAtOnce { #expect(try await process.ending().text == "") }
        }
    }

    /// So many untagged requests follow a paused one that they are answered piece by piece, as the client takes the
    /// answers, and reading is paused meanwhile: the end of the pause comes with one of the pieces.
    @Test(arguments: TestServer.Transport.allCases)
    func aLongQueueIsAnsweredToItsEnd(over transport: TestServer.Transport) async throws {
        let change: (inout ServerConfiguration) -> Void = {
            $0.limits.queuedBytes = 4096
            $0.plainLoopbackPort = 0
        }
        try await TestServer.run(change) { fixture in
            let process = try await fixture.client(over: transport)
            let driver = try await fixture.client(over: transport)
            #expect(try await process.ask("mm.create") == "+ mm=1")
            #expect(try await process.ask("mmap 1 0x10000 4p").hasPrefix("+"))
            #expect(try await process.ask("write 1 0x10000 x len=4p").hasPrefix("+"))
            #expect(try await driver.ask("dev.create gpu").hasPrefix("+"))
            #expect(try await driver.ask("mirror 1 gpu 0x10000 1p lease=600000").hasPrefix("+"))
            let count = 300
            // In one piece, so that all of it is there before the ack. The kernel's buffers take all the answers.
            let reads = String(repeating: "read 1 0x11000 1k\n", count: count)
            try await process.send(bytes: Array("munmap 1 0x10000 1p\n\(reads)".utf8))
            #expect(try await driver.line().hasPrefix("!1 inval"))
            try await driver.send("ack 1")
            #expect(try await process.line().contains("acked=1"))
            for _ in 0..<count {
                #expect(try await process.line() == "= data={1024}")
                _ = try await process.bytes(1025)
                #expect(try await process.line() == "+ n=1024")
            }
        }
    }

    /// What waits for all clients of a tenant together has a bound of its own, where its policy says so; the others of
    /// the tenant go on.
    @Test func aTenantsUnsentBytesAreBounded() async throws {
        // What a single connection may leave unread is more than it gets here.
        try await TestServer.run({ $0.limits.unsentBytes = 1 << 30 }) { fixture in
            let process = try await fixture.client()
            var slow: [TestClient] = []
            #expect(try await process.ask("mm.create") == "+ mm=1")
            #expect(try await process.ask("mmap 1 0x10000 1p").hasPrefix("+"))
            #expect(try await process.ask("dev.create gpu").hasPrefix("+"))
            #expect(try await process.ask("write 1 0x10000 x") == "+ n=1")
            for _ in 0..<2 {
                let driver = try await fixture.client(receiveBuffer: 2048)
                #expect(try await driver.ask("mirror 1 gpu 0x10000 1p ack=auto").hasPrefix("+"))
                slow.append(driver)
            }
            var policy = TenantPolicy()
            policy.quota[.unsentBytes] = .init(hard: 65536)
            for shard in fixture.server.context.tenants.all { shard.adopt(policy) }
            let flips = (0..<1000).map { "mprotect 1 0x10000 1p \($0 % 2 == 0 ? "r" : "rw")\n" }.joined()
            var rounds = 0
            while fixture.log.count(of: "does not read its answers and events") < 2, rounds < 500 {
                try await process.send(bytes: Array(flips.utf8))
                for _ in 0..<1000 { #expect(try await process.line().hasPrefix("+ pages=1")) }
                rounds += 1
            }
            #expect(rounds < 500)
            #expect(try await process.ask("mprotect 1 0x10000 1p r").contains("acked=0"))
        }
    }

    /// Parts of literals on many connections are together more than may wait in the server. A connection with more than
    /// its share goes, with a word; one with less stays, and so does a tenant with less, however much there is.
    @Test func whatWaitsForAllConnectionsIsBounded() async throws {
        let change: (inout ServerConfiguration) -> Void = {
            $0.maxBuffered = 900_000
            $0.plainLoopbackPort = 0
        }
        try await TestServer.run(change) { fixture in
            let buffers = fixture.server.context.tenants.buffers
            let other = try await fixture.client(over: .plain)
            let clients = try await (0..<3).asyncMap { _ in try await fixture.client() }
            var sent: UInt64 = 0
            func send(_ count: Int, by client: TestClient) async throws {
                try await client.send(bytes: Array(repeating: UInt8(ascii: "x"), count: count))
                sent += UInt64(count)
                try await fixture.wait { buffers.count == sent }
            }
            for client in [other] + clients { try await client.send("write 1 0x10000 {500000}") }
            try await send(200_000, by: other)
            try await send(400_000, by: clients[0])
            try await send(110_000, by: clients[1])
            // Now too much waits: 450,000 are for each tenant, a third of that for each of three connections.
            try await send(200_000, by: other)
            try await send(10_000, by: clients[1])
            try await clients[0].send(bytes: [UInt8(ascii: "x")])
            #expect(try await clients[0].ending().text == "* bye LIMIT\n")
            sent -= 400_000
            try await send(100_000, by: other)
            try await other.send(bytes: Array("\nping\n".utf8))
            #expect(try await other.line().hasPrefix("- "))
            #expect(try await other.line() == "+")
            #expect(buffers.count == 120_000)
        }
    }

    /// Events of others pile up for a driver that reads nothing.
    @Test func whoDoesNotReadItsEventsIsCutOff() async throws {
        try await TestServer.run({ $0.limits.unsentBytes = 65536 }) { fixture in
            let process = try await fixture.client()
            let driver = try await fixture.client(receiveBuffer: 2048)
            #expect(try await process.ask("mm.create") == "+ mm=1")
            #expect(try await process.ask("mmap 1 0x10000 1p").hasPrefix("+"))
            #expect(try await driver.ask("dev.create gpu").hasPrefix("+"))
            #expect(try await driver.ask("mirror 1 gpu 0x10000 1p ack=auto").hasPrefix("+"))
            #expect(try await process.ask("write 1 0x10000 x") == "+ n=1")
            // Far more events than the kernel's buffers can take.
            let flips = (0..<1000).map { "mprotect 1 0x10000 1p \($0 % 2 == 0 ? "r" : "rw")\n" }.joined()
            var rounds = 0
            while !fixture.log.contains("does not read its answers and events"), rounds < 500 {
                try await process.send(bytes: Array(flips.utf8))
                for _ in 0..<1000 { #expect(try await process.line().hasPrefix("+ pages=1")) }
                rounds += 1
            }
            #expect(rounds < 500)
            // Its mirror has gone: nobody is left to acknowledge.
            #expect(try await process.ask("mprotect 1 0x10000 1p r").contains("acked=0"))
            let ending = try await driver.ending()
            #expect(!ending.isOrderly)
        }
    }

    /// Acknowledgements are never held back, so however many come, they do not stop the reading.
    @Test(arguments: 1...8)
    func acknowledgementsAloneDoNotStopReading(reads: Int) async throws {
        try await TestServer.run({ $0.limits.queuedBytes = 4096 }) { fixture in
            let client = try await fixture.client(receiveBuffer: 4096)
            #expect(try await client.ask("mm.create") == "+ mm=1")
            #expect(try await client.ask("mmap 1 0x100000 1m").hasPrefix("+"))
            // Nobody reads these answers until all has been sent.
            for index in 0..<reads { try await client.send("#\(index) read 1 0x100000 1m") }
            let unknown = 2000
            try await client.send(bytes: Array(String(repeating: "ack 9\n", count: unknown).utf8))
            try await client.send("#z ping")
            var refused = 0
            var answered = 0
            while true {
                let line = try await client.line()
                if line == "+z" { break }
                if line.hasPrefix("- NOEVENT") { refused += 1 }
                if line.hasPrefix("+") { answered += 1 }
                if line.hasPrefix("=") { _ = try await client.bytes(1_048_577) }
            }
            #expect(refused == unknown && answered == reads)
            #expect(try await client.ask("ping") == "+")
        }
    }

    /// The driver's own answers are stuck, and yet its ack, sent behind many requests, gets through.
    @Test func acknowledgementsOvertakeHeldRequests() async throws {
        try await TestServer.run { fixture in
            let process = try await fixture.client()
            let driver = try await fixture.client(receiveBuffer: 65536)
            #expect(try await process.ask("mm.create") == "+ mm=1")
            #expect(try await process.ask("mmap 1 0x100000 2m").hasPrefix("+"))
            #expect(try await process.ask("write 1 0x200000 x len=1m").hasPrefix("+"))
            #expect(try await driver.ask("dev.create gpu").hasPrefix("+"))
            #expect(try await driver.ask("mirror 1 gpu 0x100000 1p lease=600000").hasPrefix("+"))
            try await process.send("munmap 1 0x100000 1p")
            #expect(try await driver.line().hasPrefix("!1 inval"))
            for index in 0..<40 { try await driver.send("#\(index) read 1 0x200000 1m") }
            try await driver.send("ack 1")
            #expect(try await process.line().contains("acked=1"))
            for index in 0..<40 {
                #expect(try await driver.line() == "=\(index) data={1048576}")
                _ = try await driver.bytes(1_048_577)
                #expect(try await driver.line() == "+\(index) n=1048576")
            }
        }
    }
}
