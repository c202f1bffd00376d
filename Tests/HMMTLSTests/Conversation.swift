import HMMTLS

/// One end of a connection in memory: a session, what it has to send, and what it has received.
final class Side {
    let session: TLSSession
    /// Size of the output window lent to each call.
    var windowSize = 64 * 1024
    var readSize = 16 * 1024
    /// Ciphertext not delivered yet.
    var wire: [UInt8] = []
    var received: [UInt8] = []
    var isReady = false
    var isClosed = false
    var failure: TLSError?

    init(_ session: TLSSession) { self.session = session }

    /// Runs `body` with both windows open.
    @discardableResult
    func run<T>(_ ciphertext: [UInt8] = [], _ body: (TLSSession) -> T) -> T {
        // Copies that die after the call, so that a session which held on to the memory would be found out.
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: ciphertext.count, alignment: 1)
        input.copyBytes(from: ciphertext)
        let window = UnsafeMutableRawBufferPointer.allocate(byteCount: windowSize, alignment: 1)
        defer {
            input.initializeMemory(as: UInt8.self, repeating: 0xEE)
            input.deallocate()
            window.deallocate()
        }
        session.beginInput(UnsafeRawBufferPointer(input))
        session.beginOutput(window)
        let result = body(session)
        wire += window[..<session.endOutput()]
        session.endInput()
        takePending()
        return result
    }

    private func takePending() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 1)
        defer { buffer.deallocate() }
        while session.pendingOutput > 0 { wire += buffer[..<session.takePendingOutput(into: buffer)] }
    }

    /// Handshake, then read all there is.
    func advance(_ ciphertext: [UInt8] = []) {
        run(ciphertext) { session in
            if !isReady {
                switch session.handshake() {
                case .incomplete: return
                case .complete: isReady = true
                case .failed(let error):
                    failure = error
                    return
                }
            }
            readAll(session)
        }
    }

    private func readAll(_ session: TLSSession) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readSize, alignment: 1)
        defer { buffer.deallocate() }
        while true {
            switch session.read(into: buffer) {
            case .bytes(let count): received += buffer[..<count]
            case .needsInput: return
            case .closed:
                isClosed = true
                return
            case .failed(let error):
                failure = error
                return
            }
        }
    }

    @discardableResult
    func send(_ plaintext: [UInt8]) -> TLSError? {
        run { session in plaintext.withUnsafeBytes { session.write($0) } }
    }

    @discardableResult
    func send(_ text: String) -> TLSError? { send(Array(text.utf8)) }

    func close() { run { $0.close() } }

    func endInput() {
        session.inputEnded()
        advance()
    }

    var text: String { String(decoding: received, as: UTF8.self) }
}

/// A client and a server session joined by a wire that delivers in pieces of a chosen size.
final class Conversation {
    let server: Side
    let client: Side
    /// Size of the next piece.
    var pieceSize: () -> Int = { Int.max }

    init(server: TLSContext, client: TLSContext, serverName: String? = "localhost") throws {
        self.server = Side(try TLSSession(server: server))
        self.client = Side(try TLSSession(client: client, serverName: serverName))
    }

    /// Delivers until both wires are empty.
    func pump() {
        if !client.isReady, client.failure == nil { client.advance() }
        while !client.wire.isEmpty || !server.wire.isEmpty {
            deliver(from: client, to: server)
            deliver(from: server, to: client)
        }
    }

    func deliver(from sender: Side, to receiver: Side) {
        let bytes = sender.wire
        sender.wire = []
        var at = 0
        while at < bytes.count {
            let end = at + min(max(1, pieceSize()), bytes.count - at)
            receiver.advance(Array(bytes[at..<end]))
            at = end
        }
    }

    var isReady: Bool { server.isReady && client.isReady && server.failure == nil && client.failure == nil }
}

/// Repeatable random numbers.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
