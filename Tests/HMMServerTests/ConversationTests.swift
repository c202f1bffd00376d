import Testing

@testable import HMMServer

@Suite struct ConversationTests {
    @Test func greetsAndAnswers() async throws {
        try await TestServer.run { fixture in
            let client = try await fixture.client()
            #expect(try await client.ask("#1 ping") == "+1")
            #expect(try await client.ask("ping") == "+")
            #expect(try await client.ask("mm.create") == "+ mm=1")
        }
    }

    @Test func manyRequestsInOneWriteAreAnsweredInOrder() async throws {
        try await TestServer.run { fixture in
            let client = try await fixture.client()
            try await client.send(bytes: (0..<1000).flatMap { Array("#\($0) ping\n".utf8) })
            for number in 0..<1000 { #expect(try await client.line() == "+\(number)") }
        }
    }

    @Test func requestsMayComeInPieces() async throws {
        try await TestServer.run { fixture in
            let client = try await fixture.client()
            try await client.send(oneByOne: "#a ping\r\n; remark\n\n#b ping\n")
            #expect(try await client.line() == "+a")
            #expect(try await client.line() == "+b")
        }
    }

    @Test func refusalsKeepTheirPlace() async throws {
        try await TestServer.run { fixture in
            let client = try await fixture.client()
            try await client.send("#1 ping", "#2 nonsense", "#3 ping")
            #expect(try await client.line() == "+1")
            #expect(try await client.line().hasPrefix("-2 NOVERB ENOSYS"))
            #expect(try await client.line() == "+3")
        }
    }

    @Test func literalsOfAnySizePass() async throws {
        try await TestServer.run { fixture in
            let client = try await fixture.client()
            #expect(try await client.ask("mm.create") == "+ mm=1")
            #expect(try await client.ask("mmap 1 0x100000 4m").hasPrefix("+ va="))
            var seed: UInt8 = 1
            for size in [1, 4096, 65535, 65536, 65537, 1 << 20] {
                seed &+= 7
                let octets = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) &+ seed }
                try await client.send(bytes: Array("write 1 0x100000 {\(size)}\n".utf8) + octets + [10])
                #expect(try await client.line() == "+ n=\(size)")
                #expect(try await client.ask("read 1 0x100000 \(size) as=literal") == "= data={\(size)}")
                #expect(try await client.bytes(size + 1) == octets + [10])
                #expect(try await client.line() == "+ n=\(size)")
            }
        }
    }

    @Test func connectionsOfATenantShareItsMemory() async throws {
        try await TestServer.run { fixture in
            let one = try await fixture.client()
            let two = try await fixture.client()
            #expect(try await one.ask("mm.create") == "+ mm=1")
            #expect(try await one.ask("mmap 1 0x10000 1p").hasPrefix("+"))
            #expect(try await one.ask("write 1 0x10000 hello") == "+ n=5")
            #expect(try await two.ask("read 1 0x10000 5") == "= data=\"hello\"")
            #expect(try await two.line() == "+ n=5")
        }
    }

    @Test func tenantsAreApart() async throws {
        try await TestServer.run { fixture in
            let ours = try await fixture.client(tenant: 0)
            let theirs = try await fixture.client(tenant: 1)
            #expect(try await ours.ask("mm.create") == "+ mm=1")
            #expect(try await theirs.ask("maps 1").hasPrefix("- NOMM ENOENT"))
            #expect(try await theirs.ask("hello").contains("tenant=other"))
            #expect(try await ours.ask("hello").contains("tenant=ci"))
        }
    }

    /// Loops are dealt out in turn, so process and drivers sit on different ones.
    @Test func eventsReachOtherConnections() async throws {
        try await TestServer.run { fixture in
            let process = try await fixture.client()
            let drivers = try await (0..<3).asyncMap { _ in try await fixture.client() }
            #expect(try await process.ask("mm.create") == "+ mm=1")
            #expect(try await process.ask("mmap 1 0x10000 4p").hasPrefix("+"))
            for (index, driver) in drivers.enumerated() {
                #expect(try await driver.ask("dev.create gpu\(index)").hasPrefix("+"))
                #expect(try await driver.ask("mirror 1 gpu\(index) 0x10000 4p").hasPrefix("+ mirror="))
            }
            try await process.send("#u munmap 1 0x10000 1p", "#p ping")
            #expect(try await process.line() == "+p")
            for driver in drivers {
                #expect(try await driver.line().hasPrefix("!1 inval mirror="))
                try await driver.send("ack 1")
            }
            #expect(try await process.line().hasPrefix("+u pages=0 acked=3 fenced=0"))
        }
    }

    @Test func deadlinesOfTheEngineAreKept() async throws {
        try await TestServer.run { fixture in
            let process = try await fixture.client()
            let driver = try await fixture.client()
            #expect(try await process.ask("mm.create") == "+ mm=1")
            #expect(try await process.ask("mmap 1 0x10000 4p").hasPrefix("+"))
            #expect(try await driver.ask("dev.create gpu").hasPrefix("+"))
            // A long lease first: a shorter one must not wait for it.
            #expect(try await driver.ask("mirror 1 gpu 0x12000 1p lease=3600000").hasPrefix("+"))
            #expect(try await driver.ask("mirror 1 gpu 0x10000 1p lease=50").hasPrefix("+"))
            try await process.send("#slow munmap 1 0x12000 1p")
            #expect(try await driver.line().hasPrefix("!1 inval mirror=1"))
            #expect(try await process.ask("munmap 1 0x10000 1p").contains("acked=0 fenced=1"))
            #expect(try await driver.line().hasPrefix("!2 inval mirror=2"))
            #expect(try await driver.line().hasPrefix("!3 fenced mirror=2"))
        }
    }
}

extension Sequence {
    func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var result: [T] = []
        for element in self { result.append(try await transform(element)) }
        return result
    }
}
