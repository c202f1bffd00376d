internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS

/// The way out: lines, ciphertext, socket.
extension ConnectionHandler {
    /// The client keeps up with what is sent to it.
    var isWritable: Bool { socket.unsent < server.bounds.high }

    /// Sends what a run of the engine has left for this connection and does what it asks for.
    func deliver(_ delivery: Delivery) {
        guard phase == .open else { return }
        if delivery.hasOverflowed { return abandon("does not read its answers and events", .slowReader) }
        if !delivery.outbox.isEmpty { delivery.outbox.withUnsafeBytes { send($0) } }
        if delivery.hasText { send(loop.effects.text.bytes) }
        isPaused = delivery.isPaused
        if delivery.isDrainAwaited { isDrainAwaited = true }
        if delivery.mustYield { isYielding = true }
        if let reason = delivery.closeReason {
            note(ConnectionEnd(reason))
            return finish()
        }
        // Who has ended its side is waited for as long as answers keep coming.
        if loop.output.count > 0, deadline != 0 { deadline = loop.now.nanoseconds + server.waits.linger }
        if loop.output.count > server.bounds.run { flush() }
    }

    /// Says something that no engine has to say.
    func say(_ write: (inout WireBuffer) -> Void) {
        var text = WireBuffer(capacity: 256)
        write(&text)
        send(text.bytes)
    }

    /// Says good-bye where no engine can.
    func farewell(_ reason: CloseReason) {
        say {
            $0.append("* bye ")
            $0.append(text: reason.rawValue)
            $0.endLine()
        }
        note(ConnectionEnd(reason))
        finish()
    }

    /// Encrypts lines and queues them for the socket.
    func send(_ lines: UnsafeRawBufferPointer) {
        guard let session else { return loop.output.append(lines) }
        var failure: TLSError?
        let bound = TLSSession.ciphertextBound(forPlaintext: lines.count) + session.pendingOutput
        loop.output.append(upTo: bound) { window in
            session.beginOutput(window)
            failure = session.write(lines)
            return session.endOutput()
        }
        if let failure { abandon(failure.description, .lost) }
    }

    /// Queues what TLS has to say on its own: handshake messages, alerts, key updates.
    func sendPending(_ session: TLSSession) {
        let count = session.pendingOutput
        guard count > 0 else { return }
        loop.output.append(upTo: count) { session.takePendingOutput(into: $0) }
    }

    /// Flushes, and goes on with what waits for that: the rest of a long queue of requests, a piece in each turn. While
    /// the kernel takes everything there would be no end to it.
    func flushAll() {
        flush()
        if phase == .open, isDrainAwaited, !isDrainPosted, socket.unsent == 0, let shard, let mailbox {
            isDrainAwaited = false
            deliver(shard.drained(mailbox, on: loop))
            flush()
            if phase == .open, isDrainAwaited, socket.unsent == 0 {
                isDrainPosted = true
                loop.post(mailbox)
            }
        }
        // What has been taken may have ended a pause: nobody else would look at what is held back.
        resumeHeld()
    }

    /// Hands everything queued to the socket, and cuts the connection off if more is waiting for it than may wait.
    func flush() {
        guard loop.output.count > 0 else { return }
        bytesSent &+= UInt64(loop.output.count)
        loop.counters.sent &+= UInt64(loop.output.count)
        if phase != .closed { socket.send(loop.output.bytes) }
        loop.output.removeAll()
        // What several bulk answers take stays: fresh pages for each would cost more than the copying.
        loop.output.shrink(to: 4 << 20)
        let unsent = socket.unsent
        let isOver = unsent > server.limits.unsentBytes || unsent > 0 && socket.tally?.isPassed(own: unsent) ?? false
        if isOver { abandon("does not read its answers and events", .slowReader) }
    }
}
