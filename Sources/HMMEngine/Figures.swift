internal import HMMMemory
public import HMMProtocol

/// How much of everything an engine holds, for people who watch over a server.
public struct Figures: Equatable, Sendable {
    public var connections: UInt64
    public var spaces: UInt64
    public var devices: UInt64
    public var regions: UInt64
    public var mirrors: UInt64
    /// Requests that have begun and not been answered.
    public var pending: UInt64
    /// Those of them that wait for another's range.
    public var parked: UInt64
    /// Invalidations that wait for acknowledgements.
    public var rounds: UInt64
    /// Page frames in use, and how many may be.
    public var frames: UInt64
    public var frameLimit: UInt64

    public init(
        connections: UInt64, spaces: UInt64, devices: UInt64, regions: UInt64, mirrors: UInt64, pending: UInt64,
        parked: UInt64, rounds: UInt64, frames: UInt64, frameLimit: UInt64
    ) {
        self.connections = connections
        self.spaces = spaces
        self.devices = devices
        self.regions = regions
        self.mirrors = mirrors
        self.pending = pending
        self.parked = parked
        self.rounds = rounds
        self.frames = frames
        self.frameLimit = frameLimit
    }
}

/// What an engine knows of one connection, for the same people.
public struct SessionFigures: Equatable, Sendable {
    public var principal: Principal
    /// What it called itself with `hello`; `.none` if it did not.
    public var client: ShortName
    public var mirrors: Int
    /// Events that wait for its acknowledgement.
    public var openEvents: Int
}

extension Engine {
    public var figures: Figures {
        var parked: UInt64 = 0
        var rounds: UInt64 = 0
        for index in 0..<operations.count {
            switch operations[index].state {
            case .parked: parked += 1
            case .inRound: rounds += 1
            case .running, .consulting, .open: break
            }
        }
        return Figures(
            connections: UInt64(sessions.count), spaces: UInt64(machine.spaces.count),
            devices: UInt64(machine.devices.count), regions: UInt64(machine.regions.count),
            mirrors: UInt64(subscriptions.count), pending: UInt64(operations.count), parked: parked, rounds: rounds,
            frames: machine.physical.used, frameLimit: machine.physical.limit)
    }

    /// Nil for a connection that has gone.
    public func figures(of connection: ConnectionID) -> SessionFigures? {
        guard let index = sessions.index(of: connection) else { return nil }
        let session = sessions[index]
        return SessionFigures(
            principal: session.principal, client: session.client, mirrors: session.mirrors.count,
            openEvents: session.openEvents.count)
    }
}
