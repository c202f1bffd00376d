internal import HMMEngine
internal import HMMProtocol

/// What is known of a connection. Made on its loop, but for what its engine knows.
struct ConnectionFigures: Sendable {
    /// Nil during the handshake.
    var shard: TenantShard?
    var number: UInt32
    var peer: String
    var transport: String
    var state: String
    var session: SessionFigures?
    var age: UInt64
    var silent: UInt64
    var received: UInt64
    var sent: UInt64
    var unsent: UInt64
    var held: UInt64

    init(_ connection: ConnectionHandler, at now: UInt64) {
        shard = connection.shard
        number = connection.mailbox?.id.rawValue ?? 0
        peer = connection.peerName
        transport = connection.route.label
        state = "\(connection.phase)"
        age = now &- connection.opened
        silent = now &- connection.lastHeard
        received = connection.bytesReceived
        sent = connection.bytesSent
        unsent = UInt64(connection.socket.unsent)
        held = UInt64(connection.held.bytes + connection.held.unparsed.count)
    }

    var tenant: ShortName? { shard?.name }

    /// Asks each engine once for what it knows of all its connections, and leaves that out where it is at work for
    /// longer than `patience` nanoseconds. Not for a loop, which has others to serve.
    static func askEngines(_ all: inout [ConnectionFigures], patience: UInt64) {
        let positions = Dictionary(grouping: all.indices) { all[$0].shard.map(ObjectIdentifier.init) }
        for group in positions.values {
            let ids = group.map { ConnectionID(rawValue: all[$0].number) }
            let sessions = all[group[0]].shard?.inspect(patience: patience) { engine, _, _ in
                ids.map { engine.figures(of: $0) }
            }
            for (position, session) in zip(group, sessions ?? []) { all[position].session = session }
        }
    }

    func write(_ tag: Tag, _ text: inout WireBuffer) {
        text.beginRow(tag)
        if let tenant {
            text.pair(" tenant=", tenant)
            text.pair(" connection=", UInt64(number))
        }
        text.pair(" peer=", quoted: peer)
        text.append(" transport=")
        text.append(text: transport)
        text.append(" state=")
        text.append(text: state)
        if let session {
            text.append(" auth=")
            text.append(text: session.principal.authentication.rawValue)
            text.append(" role=")
            text.append(text: session.principal.role.rawValue)
            if !session.client.isEmpty { text.pair(" client=", session.client) }
        }
        text.pair(" age=", age / 1_000_000_000)
        text.pair(" silent=", silent / 1_000_000_000)
        text.pair(" received=", received)
        text.pair(" sent=", sent)
        text.pair(" unsent=", unsent)
        text.pair(" held=", held)
        if let session {
            text.pair(" mirrors=", UInt64(session.mirrors))
            text.pair(" open-events=", UInt64(session.openEvents))
        }
        text.endLine()
    }
}
