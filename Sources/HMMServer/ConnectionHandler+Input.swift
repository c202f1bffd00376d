internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS

/// The way in: ciphertext, plaintext, requests, engine.
extension ConnectionHandler {
    /// Requests parsed at once while requests are held back.
    private static let batchSize = 256

    func receive(_ bytes: UnsafeRawBufferPointer) {
        hasCompletedRequest = false
        switch transport {
        case .tls(let certificates):
            guard let session = session ?? startSession(certificates) else { return }
            session.beginInput(bytes)
            if phase == .handshaking { shakeHands(session) }
            pump()
            session.endInput()
        case .plain(let isReachableByBrowsers):
            if isReachableByBrowsers, !hasHeardPlaintext, Self.comesFromBrowser(bytes) {
                return abandon("looks like HTTP", .framing)
            }
            hasHeardPlaintext = true
            pump(bytes)
        }
        noteLineStart()
    }

    /// Works off what has been held back and what has arrived, as far as it may be.
    ///
    /// - Parameter plaintext: bytes that came without TLS.
    func pump(_ plaintext: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)) {
        guard takesRequests, !isPumping else { return }
        isPumping = true
        let share = loop.takeShare()
        allowance = share
        replay()
        if plaintext.count > 0 { feed(plaintext) }
        if let session {
            while takesRequests, !hasSeenCloseNotify, !isFull, session.hasBufferedInput { readSome(session) }
            sendPending(session)
        }
        // Who has to let others go first has had its turn, also where an engine has cut it short.
        loop.spend(isYielding ? share : share - allowance)
        isPumping = false
        settle()
    }

    private var takesRequests: Bool { phase == .open || phase == .authenticating }

    // MARK: Decryption

    private func readSome(_ session: TLSSession) {
        var end = ReadEnd.starved
        if expectsLiteral {
            bytesSinceBatch += fillLiteral(session, &end)
        } else {
            let count = Self.decrypt(session, into: loop.plaintext, &end)
            if count > 0 { feed(UnsafeRawBufferPointer(rebasing: loop.plaintext[..<count])) }
        }
        switch end {
        case .starved, .full: break
        case .closed: hasSeenCloseNotify = true
        case .failed(let error): fail(error)
        }
    }

    private func fillLiteral(_ session: TLSSession, _ end: inout ReadEnd) -> Int {
        guard let shard, shard.isRecorded else { return reader.fillLiteral { Self.decrypt(session, into: $0, &end) } }
        var octets: [UInt8] = []
        let count = reader.fillLiteral { window in
            let count = Self.decrypt(session, into: window, &end)
            octets = Array(window[..<count])
            return count
        }
        octets.withUnsafeBytes { unfinished.append($0, of: reader) }
        return count
    }

    private enum ReadEnd {
        case starved, full, closed
        case failed(TLSError)
    }

    /// Fills `buffer` as far as there is input. Returns the number of bytes, and in `end` why there are not more.
    private static func decrypt(
        _ session: TLSSession, into buffer: UnsafeMutableRawBufferPointer, _ end: inout ReadEnd
    ) -> Int {
        var count = 0
        end = .full
        while count < buffer.count {
            switch session.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...])) {
            case .bytes(let more): count += more
            case .needsInput:
                end = .starved
                return count
            case .closed:
                end = .closed
                return count
            case .failed(let error):
                end = .failed(error)
                return count
            }
            // Saves a call into the library that would find nothing.
            if !session.hasBufferedInput { return count }
        }
        return count
    }

    // MARK: Requests

    /// Parses plaintext and hands the requests on. What may not be parsed yet is kept.
    private func feed(_ bytes: UnsafeRawBufferPointer) {
        guard let mailbox, let shard else { return feedLogin(bytes) }
        var offset = 0
        while phase == .open, !isFull, !isYielding, offset < bytes.count {
            if mustHold || !held.inputs.isEmpty {
                feedHeld(bytes, &offset, mailbox)
                continue
            }
            let (before, start) = (allowance, offset)
            deliver(shard.run(bytes, &offset, with: &reader, &allowance, &unfinished, of: mailbox, on: loop))
            if allowance < before { hasCompletedRequest = true }
            allowance -= Self.cost(offset - start)
            bytesSinceBatch = 0
        }
        if phase == .open, offset < bytes.count { held.unparsed.append(contentsOf: bytes[offset...]) }
    }

    /// Parses plaintext while requests are held back: only acknowledgements go to the engine.
    private func feedHeld(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int, _ mailbox: Mailbox) {
        let start = offset
        parse(bytes, &offset, of: mailbox.id)
        bytesSinceBatch += offset - start
        allowance -= Self.cost(offset - start)
        if loop.batch.isEmpty { return }
        hasCompletedRequest = true
        allowance -= loop.batch.count
        runBatch(mailbox)
        if allowance <= 0, offset < bytes.count, !isYielding { yield(mailbox) }
    }

    /// What is no request is not free either: of blank lines and comments a read has as much work as so many requests.
    @inline(__always)
    private static func cost(_ bytes: Int) -> Int { bytes >> 8 }

    /// Others of the loop come first, although the engine has not asked for that.
    private func yield(_ mailbox: Mailbox) {
        isYielding = true
        loop.post(mailbox)
    }

    private func parse(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int, of id: ConnectionID) {
        let isRecorded = shard?.isRecorded ?? false
        var start = offset
        while loop.batch.count < Self.batchSize, let item = reader.next(bytes, &offset) {
            var source: [UInt8] = []
            if isRecorded {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
                _ = RequestSource.append(item, unfinished.take(), rest, to: &source)
            }
            start = offset
            switch item {
            case .request(let tag, let request): loop.batch.append(.request(id, tag, request), source: source)
            case .failure(let tag, let failure, let closes):
                loop.batch.append(.refused(id, tag, failure, closes: closes), source: source)
            }
        }
        if isRecorded { unfinished.append(UnsafeRawBufferPointer(rebasing: bytes[start..<offset]), of: reader) }
    }

    /// Runs the loop's batch, holding back what has to be. Leaves the batch empty.
    private func runBatch(_ mailbox: Mailbox) {
        guard let shard else { return loop.batch.removeAll() }
        while !loop.batch.isEmpty, phase == .open {
            if mustHold || !held.inputs.isEmpty {
                hold()
                if loop.batch.isEmpty { break }
            }
            if isYielding {
                holdForTurn()
                break
            }
            deliver(shard.run(&loop.batch, &allowance, of: mailbox, on: loop))
        }
        loop.batch.removeAll()
        bytesSinceBatch = 0
    }

    /// Runs what was held back, in order, until it has to be held again.
    private func replay() {
        guard !held.isEmpty, let shard, let mailbox else { return }
        while phase == .open, !isYielding, !held.acknowledgements.isEmpty {
            deliver(shard.run(&held.acknowledgements, &allowance, of: mailbox, on: loop))
            held.releaseIfEmpty()
        }
        while phase == .open, !isYielding, !held.isEmpty {
            if !held.inputs.isEmpty, !mustHold {
                deliver(shard.run(&held.inputs, &allowance, of: mailbox, on: loop))
                held.releaseIfEmpty()
            } else if !held.unparsed.isEmpty, held.bytes < server.limits.queuedBytes {
                var bytes: [UInt8] = []
                swap(&bytes, &held.unparsed)
                bytes.withUnsafeBytes { feed($0) }
            } else {
                break
            }
        }
    }

    /// What is held back and need not be any more gets a turn of its own.
    func resumeHeld() {
        guard phase == .open, !isYielding, !held.isEmpty, !mustHold, let mailbox else { return }
        yield(mailbox)
    }

    // MARK: Holding back

    /// No request may be begun: the engine wants none, or the client does not read its answers.
    private var mustHold: Bool { isPaused || !isWritable }

    /// Enough is held back: nothing more is parsed, decrypted or read from the socket.
    var isFull: Bool { held.bytes >= server.limits.queuedBytes || !held.unparsed.isEmpty }

    /// What comes next are the bytes of one request.
    var expectsLiteral: Bool { reader.missingLiteral > 0 }

    /// Moves the batch behind what is held back, except acknowledgements: they overtake every queued request, so that
    /// whoever waits for them need not wait for a slow client to read its answers.
    private func hold() {
        var acknowledgements: [(input: Input, source: [UInt8])] = []
        while true {
            var source: [UInt8] = []
            guard let input = loop.batch.takeFirst(&source) else { break }
            if case .request(_, _, .ack) = input {
                acknowledgements.append((input, source))
            } else {
                held.bytes += MemoryLayout<Input>.stride + source.count
                held.inputs.append(input, source: source)
            }
        }
        if !held.inputs.isEmpty { held.bytes += bytesSinceBatch }
        bytesSinceBatch = 0
        for (input, source) in acknowledgements { loop.batch.append(input, source: source) }
    }

    /// Keeps what is left of the batch until others have had their turn.
    private func holdForTurn() {
        while true {
            var source: [UInt8] = []
            guard let input = loop.batch.takeFirst(&source) else { return }
            held.bytes += MemoryLayout<Input>.stride + source.count
            if case .request(_, _, .ack) = input {
                held.acknowledgements.append(input, source: source)
            } else {
                held.inputs.append(input, source: source)
            }
        }
    }

    /// After input has been worked off: reads on or not, and ends the connection if all is done.
    private func settle() {
        countInput()
        guard takesRequests else { return }
        setReading(!isFull && !hasSeenCloseNotify)
        if hasEnded { endWhenIdle() }
    }

    /// Counts what is kept of the input with what waits in the whole server, and ends the connection if that is too
    /// much.
    private func countInput() {
        let count = held.count + unfinished.bytes.count + reader.keptCount
        guard count != bytesCounted, let shard else { return }
        shard.buffers.change(by: count - bytesCounted)
        bytesCounted = count
        if shard.buffers.isPassed(own: count) { farewell(.limit) }
    }

    /// Nothing more can come from the peer, and everything that came has been parsed.
    private var hasEnded: Bool {
        hasSeenCloseNotify || (hasSeenEnd && held.unparsed.isEmpty && !(session?.hasBufferedInput ?? false))
    }

    func setReading(_ wanted: Bool) {
        guard wanted != isReading else { return }
        isReading = wanted
        // The time for a line does not run while we do not listen.
        if wanted, lineStart != 0 { lineStart = loop.now.nanoseconds }
        socket.setReading(wanted)
    }

    /// Starts or stops the clock for the line that is coming in.
    private func noteLineStart() {
        if !reader.isMidRequest {
            lineStart = 0
        } else if lineStart == 0 || hasCompletedRequest {
            lineStart = loop.now.nanoseconds
        }
    }

    /// The first byte of an HTTP request is a capital letter, of ours never. A web page can make its visitor's browser
    /// post to a port of the visitor's machine, and lines of the body would be requests.
    private static func comesFromBrowser(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.first else { return false }
        return (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first)
    }
}
