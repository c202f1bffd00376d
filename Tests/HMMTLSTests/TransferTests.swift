import HMMTLS
import Testing

@Suite struct TransferTests {
    @Test func oneByteAtATime() throws {
        let conversation = try Authority().conversation()
        conversation.pieceSize = { 1 }
        conversation.pump()
        #expect(conversation.isReady)
        conversation.client.send("#1 ping\n")
        conversation.client.send("#2 ping\n")
        conversation.pump()
        #expect(conversation.server.text == "#1 ping\n#2 ping\n")
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func arbitraryPieces(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let conversation = try Authority().conversation()
        conversation.server.windowSize = Int.random(in: 0...40_000, using: &numbers)
        conversation.client.windowSize = Int.random(in: 0...400, using: &numbers)
        conversation.server.readSize = Int.random(in: 1...20_000, using: &numbers)
        conversation.client.readSize = Int.random(in: 1...100, using: &numbers)
        let largest = Int.random(in: 1...20_000, using: &numbers)
        var pieces = SeededNumbers(seed: seed &+ 1000)
        conversation.pieceSize = { Int.random(in: 1...largest, using: &pieces) }
        conversation.pump()
        #expect(conversation.isReady)
        var toServer: [UInt8] = []
        var toClient: [UInt8] = []
        for _ in 0..<10 {
            let request = numbers.bytes(Int.random(in: 0...30_000, using: &numbers))
            let reply = numbers.bytes(Int.random(in: 0...3_000, using: &numbers))
            #expect(conversation.client.send(request) == nil)
            #expect(conversation.server.send(reply) == nil)
            toServer += request
            toClient += reply
            if Bool.random(using: &numbers) { conversation.pump() }
        }
        conversation.pump()
        #expect(conversation.server.received == toServer)
        #expect(conversation.client.received == toClient)
    }

    @Test func oneMebibyteBothWays() throws {
        var numbers = SeededNumbers(seed: 1)
        let there = numbers.bytes(1 << 20)
        let back = numbers.bytes(1 << 20)
        let conversation = try Authority().conversation()
        conversation.pump()
        #expect(conversation.client.send(there) == nil)
        #expect(conversation.server.send(back) == nil)
        conversation.pump()
        #expect(conversation.server.received == there)
        #expect(conversation.client.received == back)
    }

    @Test func tinyWindowsOverflowInOrder() throws {
        let conversation = try Authority().conversation()
        conversation.server.windowSize = 10
        conversation.client.windowSize = 0
        conversation.pump()
        #expect(conversation.isReady)
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        conversation.client.send(bytes)
        conversation.server.send(bytes)
        conversation.pump()
        #expect(conversation.server.received == bytes)
        #expect(conversation.client.received == bytes)
    }

    @Test func pendingOutputGoesFirstIntoTheNextWindow() throws {
        let conversation = try Authority().conversation()
        conversation.pump()
        let session = conversation.client.session
        // No window at all.
        #expect(
            "one ".utf8.withContiguousStorageIfAvailable { session.write(UnsafeRawBufferPointer($0)) } == .some(nil))
        let pending = session.pendingOutput
        #expect(pending > 4 && pending <= TLSSession.ciphertextBound(forPlaintext: 4))
        // run() opens a window, which takes the first record, and collects the second behind it.
        conversation.client.send("two")
        #expect(session.pendingOutput == 0)
        conversation.pump()
        #expect(conversation.server.text == "one two")
    }

    @Test func manyRecordsInOneWindowWithSmallReads() throws {
        let conversation = try Authority().conversation()
        conversation.pump()
        var sent = ""
        for index in 0..<2_000 {
            conversation.client.send("#\(index) ping\n")
            sent += "#\(index) ping\n"
        }
        conversation.server.readSize = 3
        conversation.pump()
        #expect(conversation.server.text == sent)
    }

    @Test func unreadInputIsKept() throws {
        let conversation = try Authority().conversation()
        conversation.pump()
        for _ in 0..<100 { conversation.client.send([UInt8](repeating: 1, count: 1_000)) }
        let server = conversation.server.session
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 10, alignment: 1)
        defer { buffer.deallocate() }
        #expect(!server.hasBufferedInput && !server.hasPendingPlaintext)
        conversation.server.run(conversation.client.wire) { session in
            #expect(session.hasBufferedInput)
            #expect(session.read(into: buffer) == .bytes(10))
        }
        conversation.client.wire = []
        #expect(server.hasBufferedInput && server.hasPendingPlaintext)
        var total = 10
        while case .bytes(let count) = server.read(into: buffer) { total += count }
        #expect(total == 100_000)
        #expect(!server.hasBufferedInput && !server.hasPendingPlaintext)
    }

    @Test func halfARecordIsNotWorthReading() throws {
        let conversation = try Authority().conversation()
        conversation.pump()
        conversation.client.send("hello")
        let record = conversation.client.wire
        conversation.client.wire = []
        conversation.server.advance(Array(record.dropLast()))
        #expect(!conversation.server.session.hasBufferedInput)
        conversation.server.advance(Array(record.suffix(1)))
        #expect(conversation.server.text == "hello")
    }

    @Test(arguments: [0, 1, 16_383, 16_384, 16_385, 100_000, 1 << 20]) func boundHolds(count: Int) throws {
        let authority = try Authority()
        let plaintext = [UInt8](repeating: 9, count: count)
        for client in [try authority.client(), try authority.oldClient()] {
            let conversation = try Conversation(server: authority.server(minimumVersion: .tls12), client: client)
            conversation.pump()
            conversation.client.send(plaintext)
            #expect(conversation.client.wire.count <= TLSSession.ciphertextBound(forPlaintext: count))
            conversation.pump()
            #expect(conversation.server.received.count == count)
        }
    }

    @Test func emptyCallsAreHarmless() throws {
        let conversation = try Authority().conversation()
        conversation.pump()
        #expect(conversation.client.send([]) == nil)
        #expect(conversation.client.wire.isEmpty)
        let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        #expect(conversation.server.session.read(into: nothing) == .bytes(0))
        #expect(conversation.server.session.takePendingOutput(into: nothing) == 0)
        #expect(conversation.server.session.endOutput() == 0)
    }
}
