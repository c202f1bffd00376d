import Foundation
import HMMTLS
import Testing

@Suite(.serialized) struct MemoryTests {
    /// Resident bytes of this process.
    private func residentBytes() -> Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(getpagesize())
    }

    /// Printed only: the figure depends on the allocator and on what other tests do meanwhile.
    @Test func sizeOfIdleSessions() throws {
        let authority = try Authority()
        let server = try authority.server()
        let client = try authority.client()
        func pair() throws -> Conversation {
            let conversation = try Conversation(server: server, client: client)
            conversation.pump()
            conversation.client.send("#1 ping\n")
            conversation.server.send("+ #1\n")
            conversation.pump()
            conversation.server.received = []
            conversation.client.received = []
            return conversation
        }
        _ = try (0..<50).map { _ in try pair() }
        let count = 2_000
        let before = residentBytes()
        let pairs = try (0..<count).map { _ in try pair() }
        let after = residentBytes()
        #expect(pairs.allSatisfy { $0.isReady })
        print("memory: \((after - before) / count) bytes resident per idle pair of sessions")
    }

    @Test func sessionsAreReleased() throws {
        weak var session: TLSSession?
        weak var context: TLSContext?
        try {
            let authority = try Authority()
            let server = try authority.server()
            let conversation = try Conversation(server: server, client: authority.client())
            conversation.pump()
            context = server
            session = conversation.server.session
            #expect(session != nil && context != nil)
        }()
        #expect(session == nil && context == nil)
    }
}
