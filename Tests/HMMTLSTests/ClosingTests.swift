import HMMTLS
import Testing

@Suite struct ClosingTests {
    private let conversation: Conversation

    init() throws {
        conversation = try Authority().conversation()
        conversation.pump()
    }

    @Test func goodbyeBothWays() {
        conversation.client.send("last words")
        conversation.client.close()
        conversation.pump()
        #expect(conversation.server.text == "last words")
        #expect(conversation.server.isClosed && conversation.server.failure == nil)
        // The other direction is still open.
        #expect(conversation.server.send("reply") == nil)
        conversation.server.close()
        conversation.pump()
        #expect(conversation.client.text == "reply")
        #expect(conversation.client.isClosed && conversation.client.failure == nil)
        conversation.server.endInput()
        conversation.client.endInput()
        #expect(conversation.server.failure == nil && conversation.client.failure == nil)
    }

    @Test func goodbyeIsSentOnce() {
        conversation.client.close()
        let count = conversation.client.wire.count
        #expect(count > 0)
        conversation.client.close()
        #expect(conversation.client.wire.count == count)
        #expect(conversation.client.send("too late")?.kind == .internalError)
        #expect(conversation.client.failure == nil)
    }

    @Test func closeBeforeTheHandshakeSendsNothing() throws {
        let fresh = try Authority().conversation()
        fresh.client.close()
        #expect(fresh.client.wire.isEmpty)
        fresh.pump()
        #expect(fresh.isReady)
    }

    @Test func endWithoutGoodbye() {
        conversation.client.send("half a")
        conversation.pump()
        conversation.server.endInput()
        #expect(conversation.server.text == "half a")
        #expect(conversation.server.failure?.kind == .peerClosedWithoutNotify)
        // The first error stays.
        conversation.server.advance()
        #expect(conversation.server.failure?.kind == .peerClosedWithoutNotify)
        #expect(conversation.server.send("x")?.kind == .peerClosedWithoutNotify)
        #expect(conversation.server.session.handshake() == .failed(conversation.server.failure!))
    }

    @Test func endInTheMiddleOfARecord() {
        conversation.client.send("whole")
        conversation.client.send("cut")
        let wire = conversation.client.wire
        conversation.client.wire = []
        conversation.server.advance(Array(wire.dropLast(3)))
        conversation.server.endInput()
        #expect(conversation.server.text == "whole")
        #expect(conversation.server.failure?.kind == .peerClosedWithoutNotify)
    }

    @Test func inputLeftAtTheEndIsStillRead() {
        conversation.client.send("unread")
        conversation.client.close()
        let wire = conversation.client.wire
        conversation.client.wire = []
        conversation.server.run(wire) { _ in }
        #expect(conversation.server.session.hasBufferedInput)
        conversation.server.endInput()
        #expect(conversation.server.text == "unread")
        #expect(conversation.server.isClosed && conversation.server.failure == nil)
    }

    @Test func endDuringTheHandshake() throws {
        let fresh = try Authority().conversation()
        fresh.client.advance()
        fresh.deliver(from: fresh.client, to: fresh.server)
        fresh.server.endInput()
        #expect(fresh.server.failure?.kind == .peerClosedWithoutNotify)
    }
}
