internal import HMMEngine
internal import HMMProtocol
internal import Logging

/// What all connections of a server share. Never changes, so threads may share it.
final class ServerContext: Sendable {
    /// The waiting times of `ServerConfiguration.Patience` in nanoseconds; zero means none.
    struct Waits: Sendable {
        let handshake, line, idle, linger: UInt64
        /// For the client to end its side after ours has been closed.
        let goodbye: UInt64 = 2_000_000_000
    }

    let tenants: Tenants
    /// Where tenants are recorded; nil when they are not.
    let recordings: RecordingFolder?
    let admission: Admission
    let certificates: CertificateFiles?
    let anonymousTenant: ShortName?
    let localTenant: ShortName
    let limits: Limits
    let bounds: OutputBounds
    let waits: Waits
    let logger: Logger
    /// For lines that a stranger can cause.
    let throttle = LogThrottle()
    /// Every event loop; connections are dealt out to them in turn.
    let loops: [LoopContext]

    init(
        _ configuration: ServerConfiguration, certificates: CertificateFiles?, loops: [LoopContext], logger: Logger
    ) throws {
        recordings = try configuration.recording.map { try RecordingFolder($0, logger: logger) }
        tenants = Tenants(
            limits: configuration.limits, policy: TenantPolicy(restrictions: configuration.restrictions),
            recordings: recordings, logger: logger)
        admission = Admission(bound: configuration.maxConnections)
        self.certificates = certificates
        anonymousTenant = configuration.tls?.anonymousTenant
        localTenant = configuration.localTenant
        limits = configuration.limits
        bounds = OutputBounds(configuration.limits)
        let patience = configuration.patience
        waits = Waits(
            handshake: patience.handshake.wholeNanoseconds, line: patience.line.wholeNanoseconds,
            idle: patience.idle.wholeNanoseconds, linger: patience.linger.wholeNanoseconds)
        self.logger = logger
        self.loops = loops
    }

    /// Logs what a stranger caused, unless there has been too much of it.
    func note(_ message: Logger.Message, _ metadata: Logger.Metadata, at now: Instant) {
        guard let suppressed = throttle.admit(at: now) else { return }
        var metadata = metadata
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger.info(message, metadata: metadata)
    }
}

extension Duration {
    /// Not negative, and at most some 130 years.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 1 << 32)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
