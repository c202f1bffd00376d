import COpenSSL

/// One TLS connection: ciphertext in, ciphertext out, no sockets. Not thread-safe.
///
/// Around each batch of calls the caller lends memory: ciphertext to consume (`beginInput`…`endInput`) and room for
/// ciphertext to send (`beginOutput`…`endOutput`). Both are optional; what does not fit is kept by the session.
/// The first error is final: every later call reports it again.
public final class TLSSession {
    public enum HandshakeOutcome: Equatable, Sendable {
        /// More ciphertext is needed, and there may be some to send.
        case incomplete
        case complete
        case failed(TLSError)
    }

    public enum ReadOutcome: Equatable, Sendable {
        /// So many bytes were put into the buffer; there may be more.
        case bytes(Int)
        /// Nothing more until ciphertext arrives.
        case needsInput
        /// The peer ended its side with close_notify. Writing is still possible.
        case closed
        case failed(TLSError)
    }

    let ssl: OpaquePointer
    let context: TLSContext
    private let bio: OpaquePointer
    private let windows: UnsafeMutablePointer<TransportWindows>
    private var failure: TLSError?
    private(set) var isHandshakeComplete = false
    private var isCloseQueued = false

    /// Accepts a connection.
    ///
    /// - Throws: `internalError` if the context is for clients or memory is short.
    public convenience init(server context: TLSContext) throws(TLSError) {
        try self.init(context, role: .server)
        SSL_set_accept_state(ssl)
    }

    /// Makes a connection.
    ///
    /// - Parameter serverName: DNS name or IP address the server's certificate must hold, if the context verifies
    ///   servers; a DNS name is also sent to the server. With nil any server the authorities vouch for is accepted.
    /// - Throws: `configuration` if the name is malformed, `internalError` as above.
    public convenience init(client context: TLSContext, serverName: String?) throws(TLSError) {
        try self.init(context, role: .client)
        SSL_set_connect_state(ssl)
        if let serverName { try expect(serverName) }
    }

    private init(_ context: TLSContext, role: TLSContext.Role) throws(TLSError) {
        guard context.role == role else {
            throw TLSError(kind: .internalError, reason: "the context is made for the other side")
        }
        ErrorQueue.clear()
        guard let ssl = SSL_new(context.settings) else { throw .library("cannot create a session") }
        let windows = UnsafeMutablePointer<TransportWindows>.allocate(capacity: 1)
        windows.initialize(to: TransportWindows())
        guard let bio = WindowBIO.make(windows) else {
            SSL_free(ssl)
            windows.deinitialize(count: 1)
            windows.deallocate()
            throw .library("cannot create a session")
        }
        // Both directions share one BIO, which from here on belongs to `ssl`.
        SSL_set_bio(ssl, bio, bio)
        self.ssl = ssl
        self.context = context
        self.bio = bio
        self.windows = windows
    }

    deinit {
        SSL_free(ssl)
        windows.deinitialize(count: 1)
        windows.deallocate()
    }

    private func expect(_ name: String) throws(TLSError) {
        let malformed = TLSError(kind: .configuration("server name '\(name)'"), reason: "not a DNS name or IP address")
        // A NUL would hide the rest of the name from C.
        guard !name.isEmpty, !name.utf8.contains(0) else { throw malformed }
        defer { ErrorQueue.clear() }
        let rules = SSL_get0_param(ssl)
        // An address is never sent as a server name: the extension is for DNS names only.
        if X509_VERIFY_PARAM_set1_ip_asc(rules, name) == 1 { return }
        guard hmm_SSL_set_tlsext_host_name(ssl, name) == 1 else { throw malformed }
        guard context.verifiesServer else { return }
        X509_VERIFY_PARAM_set_hostflags(
            rules, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        guard X509_VERIFY_PARAM_set1_host(rules, name, 0) == 1 else { throw malformed }
    }

    // MARK: Windows

    /// Lends ciphertext, which must stay valid until `endInput`. It is consumed as far as later calls need it, after
    /// what was kept before.
    public func beginInput(_ ciphertext: UnsafeRawBufferPointer) { windows.pointee.openInput(ciphertext) }

    /// Copies what was not consumed and keeps it for later calls.
    public func endInput() { windows.pointee.closeInput() }

    /// The transport has ended. Once everything before has been read, a read yields `closed` if the peer said goodbye,
    /// else fails with `peerClosedWithoutNotify`.
    public func inputEnded() { windows.pointee.endInput() }

    /// Lends room for ciphertext, until `endOutput`. Pending output is put there at once, so order is kept.
    public func beginOutput(_ window: UnsafeMutableRawBufferPointer) { windows.pointee.openOutput(window) }

    /// Returns how many bytes were put into the window.
    public func endOutput() -> Int { windows.pointee.closeOutput() }

    /// Bytes to send which found no room in a window.
    public var pendingOutput: Int { windows.pointee.overflowCount }

    /// Moves pending output into the caller's memory, outside a window. Returns the number of bytes.
    public func takePendingOutput(into destination: UnsafeMutableRawBufferPointer) -> Int {
        windows.pointee.takeOverflow(into: destination)
    }

    /// How many bytes of output a write of `n` bytes makes at most, with room to spare for an alert or a key update.
    public static func ciphertextBound(forPlaintext n: Int) -> Int {
        // Header, content type or explicit nonce, and tag add up to 29 bytes a record.
        let records = max(1, (n + 16_383) / 16_384)
        return n + records * 32 + 256
    }

    // MARK: Connection

    /// Goes on with the handshake as far as input allows. A failure may leave an alert in the output.
    public func handshake() -> HandshakeOutcome {
        if isHandshakeComplete { return failure.map { .failed($0) } ?? .complete }
        return switch perform({ SSL_do_handshake($0) }) {
        case .done: finishHandshake()
        case .needsInput: .incomplete
        case .closed: .failed(fail(TLSError(kind: .handshake, reason: "the peer closed during the handshake")))
        case .failed(let error): .failed(error)
        }
    }

    private func finishHandshake() -> HandshakeOutcome {
        hmm_SSL_drop_intermediates(ssl)
        return .complete
    }

    /// Decrypts into `buffer`, at most one record. Goes on with the handshake first, if that is not complete.
    public func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadOutcome {
        if buffer.isEmpty { return failure.map { .failed($0) } ?? .bytes(0) }
        var count = 0
        return switch perform({ SSL_read_ex($0, buffer.baseAddress, buffer.count, &count) }) {
        case .done: .bytes(count)
        case .needsInput: .needsInput
        case .closed: .closed
        case .failed(let error): .failed(error)
        }
    }

    /// Decrypted bytes are waiting: the next `read` returns some without looking at any input.
    public var hasPendingPlaintext: Bool { SSL_pending(ssl) > 0 }

    /// Input waits that no read has looked at yet. False once a read has said `needsInput`, even though the beginning
    /// of a record may be kept, because only new ciphertext can help then.
    public var hasBufferedInput: Bool {
        if windows.pointee.isStarved { return false }
        return windows.pointee.availableInput > 0 || SSL_has_pending(ssl) == 1
    }

    /// Encrypts all of `plaintext`. Returns nil, or why that is impossible: the handshake is not complete, `close` was
    /// called, or the connection has failed.
    public func write(_ plaintext: UnsafeRawBufferPointer) -> TLSError? {
        if let failure { return failure }
        guard isHandshakeComplete else {
            return TLSError(kind: .internalError, reason: "write before the handshake is complete")
        }
        if isCloseQueued { return TLSError(kind: .internalError, reason: "write after close") }
        var rest = plaintext
        while let start = rest.baseAddress, rest.count > 0 {
            var count = 0
            switch perform({ SSL_write_ex($0, start, rest.count, &count) }) {
            case .done: rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            case .failed(let error): return error
            // Output never blocks, and without renegotiation a write never needs input.
            case .needsInput, .closed: return fail(TLSError(kind: .internalError, reason: "a write was interrupted"))
            }
        }
        return nil
    }

    /// Queues close_notify, once. Does nothing before the handshake is complete or after a failure. Reading goes on
    /// until the peer has answered.
    public func close() {
        guard isHandshakeComplete, !isCloseQueued, failure == nil else { return }
        isCloseQueued = true
        // 0 means sent but not answered yet, which is no error here: `read` sees the answer.
        _ = perform { max(1, SSL_shutdown($0)) }
    }
}

// MARK: Calls into OpenSSL

extension TLSSession {
    private enum Step {
        case done
        case needsInput
        case closed
        case failed(TLSError)
    }

    /// The one place that lets OpenSSL do I/O: the thread's error queue is empty before and after.
    @inline(__always)
    private func perform(_ operation: (OpaquePointer) -> Int32) -> Step {
        if let failure { return .failed(failure) }
        ErrorQueue.clear()
        let result = operation(ssl)
        if !isHandshakeComplete { isHandshakeComplete = SSL_is_init_finished(ssl) == 1 }
        if result > 0 { return .done }
        return explain(result)
    }

    private func explain(_ result: Int32) -> Step {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .needsInput
        case SSL_ERROR_ZERO_RETURN: return .closed
        default:
            let entries = ErrorQueue.drain()
            let error = TLSError.session(
                entries, verifyResult: SSL_get_verify_result(ssl), handshakeComplete: isHandshakeComplete,
                inputHasEnded: windows.pointee.inputHasEnded)
            if error.kind == .protocolViolation { alertStranger() }
            return .failed(fail(error))
        }
    }

    private func fail(_ error: TLSError) -> TLSError {
        failure = error
        return error
    }

    /// OpenSSL falls silent when the first bytes of a client are not TLS; a plain "unexpected message" alert tells
    /// whoever looks at the wire what speaks here.
    private func alertStranger() {
        guard context.role == .server, !isHandshakeComplete, BIO_number_written(bio) == 0 else { return }
        let alert: [UInt8] = [
            UInt8(SSL3_RT_ALERT), 3, 3, 0, 2, UInt8(SSL3_AL_FATAL), UInt8(SSL_AD_UNEXPECTED_MESSAGE),
        ]
        alert.withUnsafeBytes { windows.pointee.write($0) }
    }
}
