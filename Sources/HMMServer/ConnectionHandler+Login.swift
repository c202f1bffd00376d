internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS
internal import Logging

/// A client without a certificate that has to show a token before it has a tenant.
struct Login {
    /// Requests that were refused.
    var failures = 0
    /// Tokens that nobody had time for.
    var postponed = 0
    /// The request that waits for the verifier.
    var check: TokenCheck?

    static let mostFailures = 3
    /// A client that waits as it is told gets no further than this before its time is over.
    static let mostPostponed = 16

    /// A stranger gets room for a token, not for a literal of a megabyte.
    static func limits(_ limits: Limits) -> Limits {
        var limits = limits
        limits.line = min(limits.line, 1024)
        limits.literal = min(limits.literal, 512)
        return limits
    }
}

extension ConnectionHandler {
    func beginLogin() {
        phase = .authenticating
        login = Login()
        reader = RequestReader(limits: Login.limits(server.limits))
        // The handshake's deadline goes on running.
        say { Engine.greet(.token, self.server.limits, into: &$0) }
    }

    /// Takes requests until one has to wait for the verifier or for the next turn, or lets the client in. What comes
    /// after it is kept.
    func feedLogin(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while phase == .authenticating, !isYielding, let item = reader.next(bytes, &offset) {
            hasCompletedRequest = true
            take(item)
        }
        if phase == .checking || phase == .open || isYielding, offset < bytes.count {
            held.unparsed.append(contentsOf: bytes[offset...])
            resumeHeld()
        }
    }

    private func take(_ item: RequestReader.Item) {
        switch item {
        case .request(let tag, .auth(let auth)): verify(auth, tag)
        case .request(let tag, .quit):
            say {
                $0.beginSuccess(tag)
                $0.endLine()
            }
            endLogin(.quit)
        case .request(let tag, _):
            fail(tag, Failure(.denied, "show a token first: `auth token=…`"))
        case .failure(let tag, let failure, let closes):
            fail(tag, failure)
            if closes { endLogin(.framing) }
        }
    }

    private func verify(_ auth: Auth, _ tag: Tag) {
        let check = TokenCheck(auth.token, server.rules.identities.tokens, from: address, owner: self)
        if let rule = server.verifier.recognize(check) { return decide(rule, tag) }
        let loop = loop
        let isTaken = server.verifier.verify(check) { rule in
            loop.eventLoop.execute { check.owner?.verified(rule, tag) }
        }
        guard isTaken else { return postpone(tag) }
        login?.check = check
        phase = .checking
    }

    /// Says so, and lets others have their turn: who does not wait must not get more answers than who does.
    private func postpone(_ tag: Tag) {
        say {
            $0.append(
                Failure(.busy, "too many tokens are being looked at", retryAfterMilliseconds: 1000), tag: tag)
        }
        login?.postponed += 1
        if let login, login.postponed >= Login.mostPostponed { return endLogin(.authentication) }
        isYielding = true
        _ = loop.eventLoop.schedule(at: 0) { [weak self] in self?.goOnAfterTurn() }
    }

    private func goOnAfterTurn() {
        guard phase == .authenticating else { return }
        loop.readClock()
        isYielding = false
        goOnWithLogin()
    }

    /// Something comes while the verifier is at work. It waits in the session, and what comes after it, in the kernel.
    func keepUntilChecked(_ bytes: UnsafeRawBufferPointer) {
        session?.beginInput(bytes)
        session?.endInput()
        setReading(false)
    }

    /// Nobody waits for the verifier any more.
    func withdrawCheck() {
        guard let check = login?.check else { return }
        check.owner = nil
        login?.check = nil
        server.verifier.withdraw(check)
    }

    /// The verifier has made up its mind: `rule` is whose token it was.
    private func verified(_ rule: TokenRule?, _ tag: Tag) {
        loop.readClock()
        login?.check?.owner = nil
        login?.check = nil
        guard phase == .checking else { return }
        phase = .authenticating
        decide(rule, tag)
        goOnWithLogin()
    }

    /// Lets the client in if it has shown the token of `rule`.
    private func decide(_ rule: TokenRule?, _ tag: Tag) {
        // The rules may have changed meanwhile.
        if let rule, case .admitted(let principal) = server.rules.admit(.token(rule), nil) {
            succeed(rule, principal, tag)
        } else {
            server.noteRefusal(["peer": "\(peerName)", "reason": "the token is not accepted"], at: loop.now)
            fail(tag, Failure(.denied, "the token is not accepted"))
        }
    }

    /// Works off what has come meanwhile.
    private func goOnWithLogin() {
        if phase == .authenticating {
            var bytes: [UInt8] = []
            swap(&bytes, &held.unparsed)
            bytes.withUnsafeBytes { feedLogin($0) }
        }
        if phase != .checking {
            if !isFull { setReading(true) }
            pump()
        }
        flushAll()
    }

    private func succeed(_ rule: TokenRule, _ principal: Principal, _ tag: Tag) {
        say {
            $0.beginSuccess(tag)
            $0.pair(" tenant=", principal.tenant)
            $0.append(" role=")
            $0.append(text: principal.role.rawValue)
            $0.endLine()
        }
        login = nil
        reader = RequestReader(limits: server.limits)
        evidence = .token(rule)
        enter(principal)
    }

    private func fail(_ tag: Tag, _ failure: Failure) {
        say { $0.append(failure, tag: tag) }
        login?.failures += 1
        if let login, login.failures >= Login.mostFailures { endLogin(.authentication) }
    }

    func endLogin(_ reason: CloseReason) {
        guard phase == .authenticating || phase == .checking else { return }
        withdrawCheck()
        login = nil
        farewell(reason)
    }
}
