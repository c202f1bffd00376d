import Foundation
import HMMTLS
import Testing

@Suite struct HostileInputTests {
    private let authority: Authority
    private let context: TLSContext
    private let clientContext: TLSContext

    init() throws {
        authority = try Authority()
        context = try authority.server()
        clientContext = try authority.client()
    }

    private static let unexpectedMessage: [UInt8] = [21, 3, 3, 0, 2, 2, 10]

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n\r\n"])
    func httpGetsAnAlert(request: String) throws {
        let server = Side(try TLSSession(server: context))
        server.advance(Array(request.utf8))
        #expect(server.failure == TLSError(kind: .protocolViolation, reason: "plain-text HTTP request"))
        #expect(server.wire == Self.unexpectedMessage)
    }

    @Test(arguments: ["#1 ping\n#2 ping\n", "\n\n\n\n\n\n\n", "SSH-2.0-OpenSSH_9.2\r\n"])
    func plainTextGetsAnAlert(text: String) throws {
        let server = Side(try TLSSession(server: context))
        server.advance(Array(text.utf8))
        #expect(server.failure == TLSError(kind: .protocolViolation, reason: "not a TLS record"))
        #expect(server.wire == Self.unexpectedMessage)
    }

    @Test func clientMeetsAPlainTextServer() throws {
        let client = Side(try TLSSession(client: clientContext, serverName: "localhost"))
        client.advance()
        client.wire = []
        client.advance(Array("* HMM/1 auth=mtls\n".utf8))
        #expect(client.failure?.kind == .protocolViolation)
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>) func randomBytes(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let server = Side(try TLSSession(server: context))
        var bytes = numbers.bytes(Int.random(in: 1...3_000, using: &numbers))
        // Half of them at least begin as a handshake record does.
        if seed.isMultiple(of: 2) { bytes.replaceSubrange(0..<min(3, bytes.count), with: [22, 3, 1]) }
        server.advance(bytes)
        server.endInput()
        #expect(server.failure != nil)
        #expect(!server.isReady)
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>) func damagedHandshake(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let conversation = try Conversation(server: context, client: clientContext)
        let side = seed.isMultiple(of: 2) ? conversation.client : conversation.server
        conversation.client.advance()
        for _ in 0..<Int.random(in: 0...2, using: &numbers) {
            conversation.deliver(from: conversation.client, to: conversation.server)
            conversation.deliver(from: conversation.server, to: conversation.client)
        }
        if !side.wire.isEmpty {
            let at = Int.random(in: 0..<side.wire.count, using: &numbers)
            side.wire[at] ^= UInt8.random(in: 1...255, using: &numbers)
        }
        conversation.pump()
        // A few bits mean nothing, such as the version in the first record's header; all others must be noticed.
        if conversation.isReady {
            conversation.client.send("hello")
            conversation.pump()
            #expect(conversation.server.text == "hello")
        } else {
            conversation.server.endInput()
            conversation.client.endInput()
            #expect(conversation.server.failure != nil && conversation.client.failure != nil)
        }
    }

    @Test func damagedRecord() throws {
        let conversation = try Conversation(server: context, client: clientContext)
        conversation.pump()
        conversation.client.send("good")
        conversation.client.send("evil")
        conversation.client.wire[conversation.client.wire.count - 1] ^= 1
        conversation.pump()
        #expect(conversation.server.text == "good")
        #expect(conversation.server.failure?.kind == .protocolViolation)
        #expect(
            conversation.client.failure
                == TLSError(kind: .protocolViolation, reason: "alert from peer: bad record mac"))
    }

    @Test func oneFailureDoesNotTouchOthers() throws {
        let good = try Conversation(server: context, client: clientContext)
        good.pump()
        for round in 0..<20 {
            let bad = Side(try TLSSession(server: context))
            bad.advance(Array("GET / HTTP/1.1\r\n".utf8))
            #expect(bad.failure != nil)
            let foreign = try Conversation(server: Authority().server(), client: clientContext)
            foreign.pump()
            #expect(foreign.client.failure != nil)
            #expect(throws: TLSError.self) { try authority.server(cipherSuites: "nonsense") }

            good.client.send("\(round) ")
            good.pump()
            good.server.advance()
            let fresh = try Conversation(server: context, client: clientContext)
            fresh.pump()
            #expect(fresh.isReady && good.isReady)
        }
        #expect(good.server.text == (0..<20).map { "\($0) " }.joined())
    }

    /// Somebody else's error in the thread's queue, as other code using the library may leave behind.
    private func spoilQueue() throws {
        let symbol = try #require(dlsym(nil, "EC_GROUP_new_by_curve_name"))
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int32) -> OpaquePointer?).self)(-1)
        #expect(try !queueIsEmpty())
    }

    private func queueIsEmpty() throws -> Bool {
        let symbol = try #require(dlsym(nil, "ERR_peek_error"))
        return unsafeBitCast(symbol, to: (@convention(c) () -> UInt).self)() == 0
    }

    @Test func foreignErrorsAreNotTakenForOurs() throws {
        let conversation = try Conversation(server: context, client: clientContext)
        try spoilQueue()
        #expect(conversation.server.session.handshake() == .incomplete)
        try spoilQueue()
        conversation.pump()
        #expect(conversation.isReady)
        try spoilQueue()
        conversation.server.advance()
        try spoilQueue()
        #expect(conversation.client.send("hello") == nil)
        try spoilQueue()
        conversation.client.close()
        conversation.pump()
        #expect(conversation.server.text == "hello" && conversation.server.isClosed)
    }

    @Test func failuresLeaveTheQueueEmpty() throws {
        let bad = Side(try TLSSession(server: context))
        bad.advance(Array("GET / HTTP/1.1\r\n".utf8))
        #expect(try queueIsEmpty())
        let foreign = try Conversation(server: Authority().server(), client: clientContext)
        foreign.pump()
        #expect(try queueIsEmpty())
        #expect(throws: TLSError.self) { try authority.server(cipherSuites: "nonsense") }
        #expect(try queueIsEmpty())
        #expect(throws: TLSError.self) {
            try authority.client(certificate: .init(chainFile: authority.folder, keyFile: authority.folder))
        }
        #expect(try queueIsEmpty())
        _ = try TLSSession(client: clientContext, serverName: "127.0.0.1")
        _ = try TLSSession(client: clientContext, serverName: "localhost")
        #expect(try queueIsEmpty())
        let good = try Conversation(server: context, client: clientContext)
        good.pump()
        #expect(good.server.session.peer != nil && good.client.session.peer != nil)
        #expect(try queueIsEmpty())
    }
}
