internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS
internal import Logging

/// Beginning and end: who the peer is, and the ways to part.
extension ConnectionHandler {
    // MARK: Beginning

    func startSession(_ certificates: CertificateFiles) -> TLSSession? {
        do {
            let session = try TLSSession(server: certificates.current)
            self.session = session
            return session
        } catch {
            handshakeEnded(.failed)
            abandon(error.description, .handshake)
            return nil
        }
    }

    func shakeHands(_ session: TLSSession) {
        switch session.handshake() {
        case .incomplete: sendPending(session)
        case .complete: identify(session)
        case .failed(let error): fail(error)
        }
    }

    /// Finds the tenant of whom the handshake has proved the peer to be.
    private func identify(_ session: TLSSession) {
        handshakeEnded(.ok)
        // A reload may have come between the first byte and the last, and looks at nobody who is not in yet.
        if let certificates = server.certificates, !certificates.current.accepts(session) {
            return refuse("the client certificate is no longer accepted")
        }
        let certificate = session.peer
        evidence = certificate == nil ? .nothing : .certificate
        admit(evidence, certificate)
    }

    func admit(_ evidence: Evidence, _ certificate: ClientIdentity?) {
        switch server.rules.admit(evidence, certificate) {
        case .admitted(let principal): enter(principal)
        case .stranger: beginLogin()
        case .refused(let reason): refuse(reason)
        }
    }

    private func refuse(_ reason: String) {
        server.noteRefusal(["peer": "\(peerName)", "reason": "\(reason)"], at: loop.now)
        note(.refused)
        finish()
    }

    func enter(_ principal: Principal) {
        guard let shard = server.tenants.acquire(principal.tenant, on: loop) else {
            server.note("connection refused", ["peer": "\(peerName)", "reason": "too many tenants"], at: loop.now)
            if principal.authentication != .token {
                say { Engine.greet(principal.authentication, self.server.limits, into: &$0) }
            }
            return farewell(.limit)
        }
        let (mailbox, delivery) = shard.connect(self, as: principal, on: loop)
        self.shard = shard
        self.mailbox = mailbox
        socket.tally = shard.unsent
        role = principal.role
        endStrangeness()
        phase = .open
        deadline = 0
        deliver(delivery)
        server.logger.debug(
            "connection opened",
            metadata: [
                "peer": "\(peerName)", "tenant": "\(principal.tenant)", "role": "\(role.rawValue)",
                "connection": "\(mailbox.id.rawValue)",
            ])
    }

    /// The rules have changed: ends the connection unless the client would be let in as the same again.
    ///
    /// - Parameter time: seconds since 1970.
    func reconsider(at time: Int64) {
        guard phase == .open, let shard, let mailbox else { return }
        if case .certificate = evidence, isCertificateSpent(at: time) {
            // Goes below.
        } else if case .admitted(let principal) = server.rules.admit(evidence, certificateAgain),
            principal.tenant == shard.name, principal.role == role
        {
            return
        }
        server.noteRevocation(["peer": "\(peerName)", "tenant": "\(shard.name)"], at: loop.now)
        deliver(shard.close(mailbox, .revoked, on: loop))
        flushAll()
    }

    /// The client's certificate has been revoked, or has expired.
    private func isCertificateSpent(at time: Int64) -> Bool {
        guard let certificates = server.certificates, let session else { return false }
        return certificates.current.hasRevoked(session) || !(session.peerValidity?.holds(at: time) ?? true)
    }

    private var certificateAgain: ClientIdentity? {
        if case .certificate = evidence { session?.peer } else { nil }
    }

    // MARK: End

    /// The peer has ended its side. Requests it has sent are still answered, in good time.
    func endWhenIdle() {
        guard let shard, let mailbox else {
            // Before there is a tenant, only its turn can keep anything waiting.
            if held.isEmpty { finish() }
            return
        }
        if held.isEmpty, shard.isIdle(mailbox) {
            finish()
        } else if deadline == 0 {
            deadline = loop.now.nanoseconds + server.waits.linger
        }
    }

    /// Tells the engine that the connection has gone. Once.
    func leave() {
        guard let shard, let mailbox else { return }
        self.shard = nil
        self.mailbox = nil
        mailbox.owner = nil
        shard.buffers.change(by: -bytesCounted)
        bytesCounted = 0
        shard.disconnect(mailbox, on: loop)
        server.tenants.release(shard, at: loop.now.nanoseconds)
        server.logger.debug(
            "connection closed", metadata: ["tenant": "\(shard.name)", "connection": "\(mailbox.id.rawValue)"])
    }

    /// Ends the connection in order: what is queued, then close_notify, then the transport.
    func finish() {
        guard phase != .closing, phase != .closed else { return }
        leave()
        withdrawCheck()
        phase = .closing
        deadline = loop.now.nanoseconds + server.waits.linger
        if let session {
            session.close()
            sendPending(session)
        }
        flush()
        if phase == .closing, socket.unsent == 0 { closeOutput() }
    }

    /// Everything has been sent. The transport goes once the peer has ended its side too: closing it over unread input
    /// would reset the connection, and the peer might lose our last lines.
    func closeOutput() {
        if hasSeenEnd { return socket.close() }
        deadline = loop.now.nanoseconds + server.waits.goodbye
        setReading(true)
        socket.endOutput()
    }

    /// The peer broke TLS, or refused us. OpenSSL may have left an alert to send.
    func fail(_ error: TLSError) {
        if phase == .handshaking { handshakeEnded(HandshakeOutcome(error.kind)) }
        note(phase == .handshaking ? .handshake : .lost)
        switch error.kind {
        case .peerClosedWithoutNotify:
            server.logger.debug("connection lost", metadata: ["peer": "\(peerName)"])
        case .configuration, .handshake, .protocolViolation, .internalError:
            server.note("TLS failed", ["peer": "\(peerName)", "reason": "\(error.description)"], at: loop.now)
        }
        finish()
    }

    /// Ends the connection at once. What has not been sent is lost.
    func abandon(_ reason: String, _ end: ConnectionEnd) {
        guard phase != .closed else { return }
        note(end)
        server.logger.debug("connection dropped", metadata: ["peer": "\(peerName)", "reason": "\(reason)"])
        phase = .closed
        leave()
        withdrawCheck()
        loop.output.removeAll()
        socket.close()
    }

    /// The operator wants it gone. What its engine still has for it is lost.
    func drop() {
        loop.readClock()
        note(.dropped)
        guard phase == .open else { return abandon("dropped by the operator", .dropped) }
        farewell(.dropped)
    }

    func handshakeEnded(_ outcome: HandshakeOutcome) {
        if case .tls = transport { loop.counters.handshakes[outcome] += 1 }
    }

    // MARK: Time

    /// Called about once a second.
    func checkDeadlines() {
        let now = loop.now.nanoseconds
        let isLate = deadline != 0 && now >= deadline
        switch phase {
        case .handshaking:
            if isLate {
                handshakeEnded(.timeout)
                abandon("the handshake takes too long", .handshake)
            }
        case .authenticating, .checking:
            if isLate {
                server.noteRefusal(["peer": "\(peerName)", "reason": "no token in time"], at: loop.now)
                endLogin(.authentication)
            }
        case .closing: if isLate { abandon("takes too long to close", .closing) }
        case .open:
            if isLate {
                note(.linger)
                finish()
            } else if isReading, hasPassed(lineStart, server.waits.line, now) {
                abandon("a line takes too long", .line)
            } else if hasPassed(lastHeard, server.waits.idle, now) {
                note(.idle)
                finish()
            }
        case .closed: break
        }
    }

    private func hasPassed(_ start: UInt64, _ wait: UInt64, _ now: UInt64) -> Bool {
        start != 0 && wait != 0 && now >= start && now - start >= wait
    }
}
