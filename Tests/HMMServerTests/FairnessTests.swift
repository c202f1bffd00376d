import Synchronization
import Testing

@testable import HMMServer

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}

/// Tenants that share a loop take turns.
@Suite struct FairnessTests {
    /// Blank lines are no requests and take time: they cost the turns of a round.
    @Test func blankLinesHaveACost() async throws {
        try await TestServer.run({
            $0.loops = 1
            $0.plainLoopbackPort = 0
        }) { fixture in
            let client = try await fixture.client(over: .plain)
            let shares = await LoopSurvey.ask(fixture.server.context.loops, within: .seconds(30)) { loop in
                let blank = [UInt8](repeating: 10, count: 16384)
                return (0..<40).map { _ in
                    blank.withUnsafeBytes { loop.connections.first?.received($0) }
                    return loop.takeShare()
                }
            }
            #expect(shares[0]?.first == 256 && shares[0]?.last == 1)
            #expect(try await client.ask("ping") == "+")
        }
    }

    /// However many connections have something to fetch, sockets have their turn after some of them, and none is lost.
    @Test func mailboxesAreServedInParts() async throws {
        try await TestServer.run({ $0.loops = 1 }) { fixture in
            let client = try await fixture.client()
            let loop = fixture.server.context.loops[0]
            let (lengths, tell) = AsyncStream.makeStream(of: Int.self)
            /// Comes after each part, since it is queued in front of the next one.
            @Sendable func look(_ count: Int) {
                tell.yield(loop.unserved)
                if count == 5 { return tell.finish() }
                if count < 3, let mailbox = loop.connections.first?.mailbox { loop.post(mailbox) }
                loop.eventLoop.execute { look(count + 1) }
            }
            loop.eventLoop.execute {
                guard let mailbox = loop.connections.first?.mailbox else { return tell.finish() }
                for _ in 0..<200 { loop.post(mailbox) }
                tell.yield(loop.unserved)
                loop.eventLoop.execute { look(0) }
            }
            #expect(await lengths.reduce(into: []) { $0.append($1) } == [200, 136, 73, 10, 3, 0, 0])
            #expect(try await client.ask("ping") == "+")
        }
    }

    /// While one tenant's request for a quarter of a gigabyte is at work, another's requests are answered.
    @Test func longWorkOfOneTenantDoesNotHoldUpAnother() async throws {
        try await TestServer.run({ $0.loops = 1 }) { fixture in
            let busy = try await fixture.client(tenant: 0)
            let other = try await fixture.client(tenant: 1)
            #expect(try await busy.ask("mm.create") == "+ mm=1")
            #expect(try await busy.ask("mmap 1 0x10000000 256m").hasPrefix("+"))
            let isOver = Flag()
            try await busy.send("madvise 1 0x10000000 256m populate-write", "#after ping")
            let end = Task {
                defer { isOver.set() }
                return try await busy.line()
            }
            var answers = 0
            while !isOver.isSet {
                #expect(try await other.ask("ping") == "+")
                answers += 1
            }
            #expect(try await end.value.hasPrefix("+ pages=65536"))
            #expect(try await busy.line() == "+after")
            // In one piece it would be one or two.
            #expect(answers > 5)
        }
    }

    /// Whatever comes in the middle of long work has its turn afterwards, in order: requests, ends of connections.
    @Test func withinATenantTheOrderStays() async throws {
        try await TestServer.run({ $0.loops = 2 }) { fixture in
            let busy = try await fixture.client()
            let leaving = try await fixture.client()
            #expect(try await busy.ask("mm.create") == "+ mm=1")
            #expect(try await busy.ask("mmap 1 0x10000000 64m").hasPrefix("+"))
            try await busy.send("madvise 1 0x10000000 64m populate-write", "munmap 1 0x10000000 64m", "maps 1")
            try await leaving.send("ping", "hello", "quit")
            let late = try await fixture.client()
            #expect(try await late.ask("mm.create") == "+ mm=2")
            #expect(try await busy.line().hasPrefix("+ pages=16384"))
            #expect(try await busy.line().hasPrefix("+ pages=16384"))
            #expect(try await busy.line() == "+ rows=0 resident=0")
            #expect(try await leaving.line() == "+")
            #expect(try await leaving.line().hasPrefix("+ version=1"))
            #expect(try await leaving.ending().text.hasSuffix("* bye QUIT\n"))
        }
    }
}
