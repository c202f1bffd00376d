internal import Glibc
internal import HMMProtocol
internal import HMMTLS

/// A socket with TLS on it and no event loop: blocking until `startBench`, then not.
final class BenchSocket {
    let descriptor: Int32
    private let session: TLSSession?
    private let ciphertext: UnsafeMutableRawBufferPointer
    private var output: UnsafeMutableRawBufferPointer
    /// Bytes that the kernel would not take.
    private(set) var unsent: [UInt8] = []
    private var reader = ServerLineReader()

    /// Connects, shakes hands, takes the greeting and shows the token if there is one.
    init(_ options: ConnectionOptions, context: TLSContext?) throws(ClientError) {
        descriptor = try SocketAddress.connect(options.endpoint)
        ciphertext = .allocate(byteCount: 65536, alignment: 16)
        output = .allocate(byteCount: 65536, alignment: 16)
        do throws(TLSError) {
            session =
                if let context {
                    try TLSSession(client: context, serverName: options.expectedName)
                } else {
                    nil
                }
        } catch {
            throw .cannotConnect("\(error)")
        }
        try shakeHands()
        let greeting = try nextLine().line
        guard case .banner = greeting else { throw .cannotConnect("no greeting came") }
        guard let login = try options.login(after: greeting) else { return }
        do throws(ClientError) {
            try request(login.line + "\n" + String(decoding: login.literal, as: UTF8.self))
        } catch {
            throw .cannotConnect("\(options.endpoint): \(error)")
        }
    }

    deinit {
        Glibc.close(descriptor)
        ciphertext.deallocate()
        output.deallocate()
    }

    private func shakeHands() throws(ClientError) {
        guard let session else { return }
        var input = UnsafeRawBufferPointer(start: nil, count: 0)
        while true {
            session.beginInput(input)
            session.beginOutput(output)
            let outcome = session.handshake()
            let count = session.endOutput()
            session.endInput()
            try write(UnsafeRawBufferPointer(rebasing: output[..<count]))
            switch outcome {
            case .complete: return
            case .failed(let error): throw .cannotConnect("\(error)")
            case .incomplete:
                guard let received = try receiveNow(into: ciphertext) else { throw .connectionLost("no handshake") }
                input = UnsafeRawBufferPointer(rebasing: ciphertext[..<received])
            }
        }
    }

    // MARK: One request at a time

    /// Sends a request and returns the pairs of its `+` line, events aside.
    ///
    /// - Throws: `refused`.
    @discardableResult
    func request(_ line: String) throws(ClientError) -> [ServerLine.Pair] {
        try send(line)
        return try awaitAnswer()
    }

    /// Waits for the end of an answer.
    @discardableResult
    func awaitAnswer() throws(ClientError) -> [ServerLine.Pair] {
        while true {
            switch try nextLine().line {
            case .success(_, let pairs): return pairs
            case .failure(_, let code, let errno, let pairs, let text):
                throw .refused(.init(code: code, errno: errno, pairs: pairs, text: text))
            case .bye(let code, let text): throw .closed(code: code, text: text)
            case .banner, .note, .row, .event: break
            }
        }
    }

    func send(_ line: String) throws(ClientError) {
        let octets = Array(line.utf8) + [10]
        try octets.span.withUnsafeBytes { bytes throws(ClientError) in try send(bytes) }
    }

    private func nextLine() throws(ClientError) -> ServerLineReader.Item {
        while true {
            do throws(ServerLineError) {
                if let item = try reader.next() { return item }
            } catch {
                throw .malformed(error)
            }
            let plaintext = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
            defer { plaintext.deallocate() }
            let count = try receive(into: plaintext)
            reader.append(UnsafeRawBufferPointer(rebasing: plaintext[..<count]))
        }
    }

    // MARK: Many at once

    /// From now on calls return at once.
    func startBench() {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    /// From now on calls wait.
    func stopBench() {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
    }

    /// Encrypts and sends; what the kernel does not take is kept for `flush`.
    func send(_ plaintext: UnsafeRawBufferPointer) throws(ClientError) {
        guard let session else { return try write(plaintext) }
        let bound = TLSSession.ciphertextBound(forPlaintext: plaintext.count)
        if output.count < bound {
            output.deallocate()
            output = .allocate(byteCount: bound, alignment: 16)
        }
        session.beginOutput(output)
        let failure = session.write(plaintext)
        let count = session.endOutput()
        if let failure { throw .connectionLost("\(failure)") }
        try write(UnsafeRawBufferPointer(rebasing: output[..<count]))
    }

    /// Sends what was kept, as far as the kernel takes it.
    func flush() throws(ClientError) {
        let rest = unsent
        unsent = []
        try rest.span.withUnsafeBytes { bytes throws(ClientError) in try write(bytes) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(ClientError) {
        guard unsent.isEmpty else {
            unsent.append(contentsOf: bytes)
            return
        }
        var sent = 0
        while sent < bytes.count, let base = bytes.baseAddress {
            let count = Glibc.send(descriptor, base + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                unsent.append(contentsOf: bytes[sent...])
                return
            }
            guard count > 0 else { throw .connectionLost(Self.reason()) }
            sent += count
        }
    }

    /// Decrypted bytes that fit into `plaintext`; 0 when nothing has come. Blocks until the bench has started.
    func receive(into plaintext: UnsafeMutableRawBufferPointer) throws(ClientError) -> Int {
        guard let session else { return try receiveNow(into: plaintext) ?? 0 }
        while true {
            if session.hasPendingPlaintext || session.hasBufferedInput {
                let count = try decrypt(session, plaintext)
                if count > 0 { return count }
            }
            guard let count = try receiveNow(into: ciphertext) else { return 0 }
            session.beginInput(UnsafeRawBufferPointer(rebasing: ciphertext[..<count]))
            defer { session.endInput() }
            let decrypted = try decrypt(session, plaintext)
            // Nothing so far means that a record is not complete: there may be more of it.
            if decrypted > 0 { return decrypted }
        }
    }

    /// What the socket has, nil if that is nothing yet.
    private func receiveNow(into buffer: UnsafeMutableRawBufferPointer) throws(ClientError) -> Int? {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return count }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return nil }
            throw .connectionLost(count == 0 ? "the server has closed" : Self.reason())
        }
    }

    private func decrypt(_ session: TLSSession, _ plaintext: UnsafeMutableRawBufferPointer) throws(ClientError) -> Int {
        var count = 0
        while count < plaintext.count {
            switch session.read(into: UnsafeMutableRawBufferPointer(rebasing: plaintext[count...])) {
            case .bytes(let more): count += more
            case .needsInput: return count
            case .closed:
                if count > 0 { return count }
                throw .connectionLost("the server has closed")
            case .failed(let error): throw .connectionLost("\(error)")
            }
        }
        return count
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
