import HMMEngine
import HMMProtocol

/// The server's end: what reaches an engine and when, and what becomes of what it says.
extension World {
    // MARK: Reading

    func serverReads(_ link: Link, _ bytes: [UInt8]) throws(Violation) {
        guard !link.isGoneAtServer else { return }
        trace.note("@\(milliseconds) \(link.client.name)> \(String(decoding: bytes, as: UTF8.self))")
        link.unparsed += bytes
        try parse(link)
    }

    /// Hands the requests of a connection to the engine, as long as it wants them. The server leaves them where they
    /// are while work is cut; an engine has to bear those who do not.
    func parse(_ link: Link) throws(Violation) {
        while !link.isGoneAtServer, !link.isPaused {
            if link.tenant.engine.isCut, !plan.isRude {
                if !link.tenant.waiting.contains(link.index) { link.tenant.waiting.append(link.index) }
                return
            }
            guard let item = link.takeRequest() else { return }
            switch item {
            case .request(let tag, let request): try input(.request(link.id, tag, request), link.tenant)
            case .failure(let tag, let failure, let closes):
                try input(.refused(link.id, tag, failure, closes: closes), link.tenant)
            }
        }
    }

    func say(_ input: Input, _ link: Link) throws(Violation) {
        if !link.isGoneAtServer { try self.input(input, link.tenant) }
    }

    // MARK: Inputs

    /// One input, and everything that is checked after it.
    func input(_ input: Input, _ tenant: Tenant) throws(Violation) {
        inputs += 1
        effects.removeAll()
        let isTick = input == .tick
        let wasCut = tenant.engine.isCut
        let before = wasCut || plan.rules.isEmpty ? nil : tenant.engine.state(before: input)
        if !wasCut { tenant.judge.taken(input, now) } else if !isTick { tenant.deferred.append(input) }
        hand(input, to: tenant)
        if wasCut, !isTick {
            trace.note("@\(milliseconds) that has to wait")
            guard effects.isEmpty else { throw Violation(.slices, "an input acts in the middle of other work") }
        }
        try deliver(tenant, wasCut && isTick ? tenant.engine.takenAt : [])
        if let before, isRefusal { try checkUnchanged(input, before, tenant) }
        try tenant.judge.checkQuota(tenant.engine)
        if tenant.engine.isCut { try awaitSlice(tenant, isTick) } else { try endSlices(tenant) }
        try check(tenant, wasTick: isTick && !wasCut)
    }

    private func hand(_ input: Input, to tenant: Tenant) {
        let time = Instant(nanoseconds: now)
        switch input {
        case .request(let connection, let tag, let request):
            tenant.engine.handle(.request(tag, request), from: connection, at: time, into: &effects)
        case .refused(let connection, let tag, let failure, let closes):
            let item = RequestReader.Item.failure(tag, failure, closes: closes)
            tenant.engine.handle(item, from: connection, at: time, into: &effects)
        default: tenant.engine.handle(input, at: time, into: &effects)
        }
    }

    private func awaitSlice(_ tenant: Tenant, _ isTick: Bool) throws(Violation) {
        guard let deadline = tenant.engine.nextDeadline, deadline.nanoseconds <= now else {
            throw Violation(.liveness, "work is cut, and the engine does not want to be woken at once")
        }
        guard isTick || tenant.nextSlice == nil else { return }
        tenant.nextSlice = now + (plan.sliceDelay == 0 ? 0 : UInt64(tenant.dice.roll(plan.sliceDelay)))
    }

    private func endSlices(_ tenant: Tenant) throws(Violation) {
        tenant.nextSlice = nil
        guard tenant.deferred.isEmpty else {
            throw Violation(.slices, "\(tenant.deferred.count) inputs had to wait and never had their turn")
        }
        for link in tenant.waiting { queue.add(.readOn(link), at: now) }
        tenant.waiting = []
    }

    private func check(_ tenant: Tenant, wasTick: Bool) throws(Violation) {
        // A device does not know that work is cut: what it may use has to be true all the time.
        for index in tenant.links where !links[index].isGoneAtServer {
            guard let driver = links[index].client as? DriverClient else { continue }
            try tenant.judge.checkTranslations(driver, tenant.engine, now)
        }
        guard !tenant.engine.isCut else {
            tenant.judge.isSettled = false
            return
        }
        try tenant.judge.check(tenant.engine, now, isTick: wasTick)
        if plan.isTight || inputs % 64 == 0 { try tenant.judge.checkLimits(tenant.engine) }
        // Reads everything: in a large world now and then, else every time.
        guard tenant.engine.framesUsed < 256 || inputs % 64 == 0 else { return }
        let violations = tenant.engine.violations()
        guard violations.isEmpty else { throw Violation(.invariants, violations.joined(separator: "; ")) }
    }

    // MARK: Effects

    /// Lines go to the judge and on their way. At each place of `turns` an input had its turn that had to wait.
    private func deliver(_ tenant: Tenant, _ turns: [Int]) throws(Violation) {
        var turns = turns[...]
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            guard let link = link(segment.connection, tenant) else {
                throw Violation(.answers, "lines for a connection that never was")
            }
            var start = segment.range.lowerBound
            while let turn = turns.first, turn < segment.range.upperBound {
                if turn > start { try deliver(start..<turn, to: link) }
                start = turn
                try takeTurn(tenant)
                turns.removeFirst()
            }
            try deliver(start..<segment.range.upperBound, to: link)
        }
        for _ in turns { try takeTurn(tenant) }
        for signal in effects.signals { follow(signal, tenant) }
    }

    private func takeTurn(_ tenant: Tenant) throws(Violation) {
        guard !tenant.deferred.isEmpty else { throw Violation(.slices, "something is taken that nobody handed in") }
        tenant.judge.isSettled = false
        tenant.judge.taken(tenant.deferred.removeFirst(), now)
    }

    private func deliver(_ range: Range<Int>, to link: Link) throws(Violation) {
        let bytes = Array(effects.text.bytes[range])
        hash.add(bytes)
        try hear(link, bytes)
        send(link, bytes)
    }

    private func follow(_ signal: Effects.Signal, _ tenant: Tenant) {
        switch signal {
        case .close(let id, _):
            guard let link = link(id, tenant), !link.isGoneAtServer else { return }
            link.isGoneAtServer = true
            queue.add(.closed(link.index), at: link.down(now))
            queue.add(.gone(link.index), at: now)
        case .pauseReading(let id): link(id, tenant)?.isPaused = true
        case .resumeReading(let id):
            guard let link = link(id, tenant) else { return }
            link.isPaused = false
            queue.add(.readOn(link.index), at: now)
        case .awaitDrain(let id):
            guard let link = link(id, tenant), link.reading != .never else { return }
            queue.add(.drained(link.index), at: link.down(now))
        // Nobody is recorded here, so nobody gets that far.
        case .startRecording, .stopRecording: break
        }
    }

    private func link(_ id: ConnectionID, _ tenant: Tenant) -> Link? {
        tenant.links.lazy.map { self.links[$0] }.first { $0.id == id }
    }

    private func hear(_ link: Link, _ bytes: [UInt8]) throws(Violation) {
        link.said.append(bytes)
        do {
            while let item = try link.said.next() {
                trace.note("@\(milliseconds) \(link.client.name)< \(item.text.prefix(300))")
                try link.tenant.judge.heard(item.line, link.id, now)
            }
        } catch let error as Violation {
            throw error
        } catch {
            throw Violation(.answers, "a line without form: \(error)")
        }
    }

    private func send(_ link: Link, _ bytes: [UInt8]) {
        switch link.reading {
        case .never:
            link.unread += bytes.count
            // The transport gives up.
            if link.unread > 1 << 16, link.unread - bytes.count <= 1 << 16 { queue.add(.cut(link.index), at: now) }
        case .always, .slow: queue.add(.arriveAtClient(link.index, bytes), at: link.down(now))
        }
    }
}
