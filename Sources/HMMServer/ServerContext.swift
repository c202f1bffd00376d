internal import Glibc
internal import HMMEngine
internal import HMMProtocol
internal import Logging
internal import Synchronization

/// What all connections of a server share. Only the rules for who comes in change, as a whole.
final class ServerContext: Sendable {
    /// The waiting times of `ServerConfiguration.Patience` in nanoseconds; zero means none.
    struct Waits: Sendable {
        let handshake, line, idle, unreachable, linger: UInt64
        /// For the client to end its side after ours has been closed.
        let goodbye: UInt64 = 2_000_000_000
    }

    let tenants: Tenants
    /// Where tenants are recorded; nil when they are not.
    let recordings: RecordingFolder?
    let admission: Admission
    let certificates: CertificateFiles?
    let verifier: TokenVerifier
    private let currentRules: Mutex<AdmittanceRules>
    let limits: Limits
    let bounds: OutputBounds
    let waits: Waits
    let logger: Logger
    /// For lines that a stranger can cause.
    let throttle = LogThrottle()
    /// For those about clients that were not let in: a flood of something else must not hide them.
    private let refusals = LogThrottle()
    /// For those about connections that the kernel does not give.
    private let failures = LogThrottle()
    /// For those about clients that a reload sends away.
    private let revocations = LogThrottle()
    /// Every event loop; connections are dealt out to them in turn.
    let loops: [LoopContext]

    init(
        _ configuration: ServerConfiguration, certificates: CertificateFiles?, verifier: TokenVerifier,
        admission: Admission, loops: [LoopContext], logger: Logger
    ) throws {
        recordings = try configuration.recording.map { try RecordingFolder($0, logger: logger) }
        tenants = Tenants(configuration, recordings: recordings, logger: logger)
        self.admission = admission
        self.certificates = certificates
        self.verifier = verifier
        currentRules = Mutex(AdmittanceRules(configuration))
        limits = configuration.limits
        bounds = OutputBounds(configuration.limits)
        let patience = configuration.patience
        waits = Waits(
            handshake: patience.handshake.wholeNanoseconds, line: patience.line.wholeNanoseconds,
            idle: patience.idle.wholeNanoseconds, unreachable: patience.unreachable.wholeNanoseconds,
            linger: patience.linger.wholeNanoseconds)
        self.logger = logger
        self.loops = loops
    }

    /// Who may come in as what, at the moment.
    var rules: AdmittanceRules { currentRules.withLock { $0 } }

    /// Lets another configuration hold for everything that can change. From any thread.
    func adopt(_ configuration: ServerConfiguration) {
        currentRules.withLock { $0 = AdmittanceRules(configuration) }
        admission.adopt(configuration)
        tenants.adopt(configuration)
        for loop in loops { loop.eventLoop.execute { loop.reconsider(at: Int64(time(nil))) } }
    }

    /// Logs that a client was not let in.
    func noteRefusal(_ metadata: Logger.Metadata, at now: Instant) {
        note("connection refused", metadata, at: now, refusals)
    }

    /// Logs that the kernel has no room for a connection. An operator has to see it, whatever strangers do.
    func noteAcceptFailure(_ reason: String, at now: Instant) {
        note("cannot accept connections", ["reason": "\(reason)"], at: now, failures)
    }

    /// Logs that a client was sent away. All of a tenant may be, at once.
    func noteRevocation(_ metadata: Logger.Metadata, at now: Instant) {
        note("connection revoked", metadata, at: now, revocations)
    }

    /// Logs what a stranger caused, unless there has been too much of it.
    func note(_ message: Logger.Message, _ metadata: Logger.Metadata, at now: Instant) {
        note(message, metadata, at: now, throttle)
    }

    private func note(
        _ message: Logger.Message, _ metadata: Logger.Metadata, at now: Instant, _ throttle: LogThrottle
    ) {
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
