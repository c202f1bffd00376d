internal import HMMMemory
public import HMMProtocol

/// Connections come and go.
extension Engine {
    /// The first line a client sees. Clients with tokens see it before they have a tenant, from the server's shell.
    public static func greet(
        _ authentication: Principal.Authentication, _ limits: Limits, into text: inout WireBuffer
    ) {
        text.append("* HMM/1 auth=")
        text.append(text: authentication.rawValue)
        text.pair(" page=", UInt64(PageSize.bytes))
        text.pair(" max-line=", UInt64(limits.line))
        text.pair(" max-literal=", UInt64(limits.literal))
        text.pair(" window=", UInt64(limits.window))
        text.endLine()
    }

    mutating func connect(_ connection: ConnectionID, _ principal: Principal, _ effects: inout Effects) {
        effects.address(connection)
        if principal.authentication != .token { Self.greet(principal.authentication, limits, into: &effects.text) }
        if poison != nil { return bid(connection, .internalError, &effects) }
        sessions.append(Session(principal: principal), id: connection)
        if UInt64(sessions.count) > meter.hard(.connections) { close(connection, .limit) }
        if isDraining {
            Self.warn(connection, &effects)
            finishDraining()
        }
    }

    /// The connection ends as soon as the work at hand is done. What it has queued is forgotten, what it still sends is
    /// ignored.
    mutating func close(_ connection: ConnectionID, _ reason: CloseReason) {
        guard let index = sessions.index(of: connection), !sessions[index].isClosing else { return }
        sessions[index].isClosing = true
        forgetQueue(index)
        doomed.append((connection, reason))
    }

    private mutating func forgetQueue(_ index: Int) {
        waitingBytes -= sessions[index].lane.queuedBytes
        sessions[index].lane.removeAll()
    }

    /// Says good-bye and asks the transport to close. The session ends before anything else happens: its mirrors may
    /// still be told of others that end, but not after good-bye.
    mutating func dismiss(
        _ connection: ConnectionID, _ reason: CloseReason, _ now: Instant, _ effects: inout Effects
    ) {
        guard sessions.contains(connection) else { return }
        bid(connection, reason, &effects)
        disconnect(connection, now, &effects)
    }

    /// Says good-bye, and that the transport is to close.
    func bid(_ connection: ConnectionID, _ reason: CloseReason, _ effects: inout Effects) {
        effects.address(connection)
        effects.text.append("* bye ")
        effects.text.append(text: reason.rawValue)
        effects.text.endLine()
        effects.signal(.close(connection, reason))
    }

    /// The transport has gone: the mirrors of the connection let go and vanish, what it had not begun is forgotten, and
    /// what it had begun goes on without anyone to answer to.
    mutating func disconnect(_ connection: ConnectionID, _ now: Instant, _ effects: inout Effects) {
        if let index = sessions.index(of: connection) { forgetQueue(index) }
        guard var session = sessions.remove(connection) else { return }
        let own = session.isIdle ? [] : (0..<operations.count).map { operations.id(at: $0) }
        machine.spend(UInt64(own.count))
        rollBackMigrations(now, &effects) { $0.connection == connection }
        dropRanges { $0.connection == connection }
        releasePins(of: connection, now, &effects)
        endConsultations(now, &effects) { $0.connection == connection }
        let evicted = devicesToEvict(after: session.mirrors)
        endMirrors(session.mirrors, session.closeEvents(of: session.mirrors), now, &effects)
        for device in evicted {
            run(evictionAfterDrop(device, Caller(connection: connection, tag: .none)), now, &effects)
        }
        // What has been begun for it just now goes on.
        for id in own {
            guard let index = operations.index(of: id), operations[index].caller.connection == connection,
                case .parked = operations[index].state, !operations[index].hasBegun
            else { continue }
            _ = leave(id)
            wake(behind: id)
        }
        releaseManaged(of: connection, now, &effects)
        recording.waiting.removeAll { $0.connection == connection }
        if isDraining { ready.append(.drain) }
    }

    /// The devices of mirrors that everything leaves when one of those is dropped, each once.
    private func devicesToEvict(after mirrors: [MirrorID]) -> [DeviceID] {
        var found: [DeviceID] = []
        for mirror in mirrors {
            guard let index = machine.mirrors.index(of: mirror), case let device = machine.mirrors[index].device,
                machine.profile(of: device).evictsOnDrop, !found.contains(device)
            else { continue }
            found.append(device)
        }
        return found
    }

    /// Tells every connection that the server is about to stop, and closes them once nothing is pending.
    mutating func drain(_ effects: inout Effects) {
        isDraining = true
        for index in 0..<sessions.count where !sessions[index].isClosing {
            Self.warn(sessions.id(at: index), &effects)
        }
        finishDraining()
    }

    private static func warn(_ connection: ConnectionID, _ effects: inout Effects) {
        effects.address(connection)
        effects.text.append("* note : the server is stopping: finish, then reconnect elsewhere\n")
    }

    mutating func finishDraining() {
        guard operations.count == openMigrations.count, recording.waiting.isEmpty,
            (0..<sessions.count).allSatisfy({ sessions[$0].lane.isEmpty })
        else { return }
        for index in 0..<sessions.count { close(sessions.id(at: index), .shutdown) }
    }
}
