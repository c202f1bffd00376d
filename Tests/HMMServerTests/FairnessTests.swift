import HMMServer
import Synchronization
import Testing

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}

/// Tenants that share a loop take turns.
@Suite struct FairnessTests {
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
