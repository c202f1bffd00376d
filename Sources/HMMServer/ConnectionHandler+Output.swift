internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS
internal import NIOCore

/// The way out: lines, ciphertext, socket.
extension ConnectionHandler {
    /// The client keeps up with what is sent to it.
    var isWritable: Bool { context?.channel.isWritable ?? false }

    /// Sends what a run of the engine has left for this connection and does what it asks for.
    func deliver(_ delivery: Delivery) {
        guard phase == .open else { return }
        if delivery.hasOverflowed { return abandon("does not read its answers and events") }
        if !delivery.outbox.isEmpty { delivery.outbox.withUnsafeBytes { send($0) } }
        if delivery.hasText { send(loop.effects.text.bytes) }
        isPaused = delivery.isPaused
        if delivery.closeReason != nil { return finish() }
        if needsFlush, !isWritable {
            flush()
            checkUnsent()
        }
    }

    /// Cuts the connection off if more is waiting for it than may wait.
    private func checkUnsent() {
        guard phase == .open, !isWritable, let options = context?.channel.syncOptions else { return }
        let waiting = (try? options.getOption(.bufferedWritableBytes)) ?? 0
        if waiting > server.limits.unsentBytes { abandon("does not read its answers and events") }
    }

    /// Encrypts lines and queues them for the socket.
    private func send(_ lines: UnsafeRawBufferPointer) {
        var rest = lines
        while rest.count > OutputBounds.piece {
            sendPiece(UnsafeRawBufferPointer(rebasing: rest[..<OutputBounds.piece]))
            rest = UnsafeRawBufferPointer(rebasing: rest[OutputBounds.piece...])
        }
        if rest.count > 0 { sendPiece(rest) }
    }

    private func sendPiece(_ lines: UnsafeRawBufferPointer) {
        guard let context else { return }
        var buffer: ByteBuffer
        if let session {
            let bound = TLSSession.ciphertextBound(forPlaintext: lines.count) + session.pendingOutput
            buffer = context.channel.allocator.buffer(capacity: bound)
            var failure: TLSError?
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { window in
                session.beginOutput(window)
                failure = session.write(lines)
                return session.endOutput()
            }
            if let failure { return abandon(failure.description) }
        } else {
            buffer = context.channel.allocator.buffer(capacity: lines.count)
            buffer.writeBytes(lines)
        }
        context.write(wrapOutboundOut(buffer), promise: nil)
        needsFlush = true
    }

    /// Queues what TLS has to say on its own: handshake messages, alerts, key updates.
    func sendPending(_ session: TLSSession) {
        guard let context, session.pendingOutput > 0 else { return }
        context.write(wrapOutboundOut(takePending(session, context)), promise: nil)
        needsFlush = true
    }

    func takePending(_ session: TLSSession, _ context: ChannelHandlerContext) -> ByteBuffer {
        let count = session.pendingOutput
        var buffer = context.channel.allocator.buffer(capacity: count)
        if count > 0 {
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { session.takePendingOutput(into: $0) }
        }
        return buffer
    }

    /// Lets go of everything queued. May call out: the transport can end here.
    func flush() {
        guard needsFlush, let context else { return }
        needsFlush = false
        context.flush()
    }
}
