internal import Dispatch
internal import HMMTLS
public import Logging
public import ServiceLifecycle
internal import Synchronization

/// hmmd without its command line: listens, serves tenants, reloads certificates, stops in order.
public final class Server: Service, Sendable {
    /// Where a running server can be reached.
    public struct Addresses: Equatable, Sendable {
        /// Of the TLS listener, one for each address of its host, all with the same port.
        public var tls: [HostPort] = []
        public var plainLoopback: HostPort?
        public var unixPaths: [String] = []
        public var metrics: [HostPort] = []
        public var adminPaths: [String] = []
    }

    private struct Running {
        var addresses = Addresses()
        var ports: [Listener.Port] = []
        var socketFile: UnixSocketFile?
        var watchPorts: WatchPorts?
        /// When clients have to have left; nil until somebody asks the server to stop.
        var deadline: ContinuousClock.Instant?
        var isHurried = false
    }

    let configuration: ServerConfiguration
    /// Reads the configuration anew.
    let reading: (@Sendable () throws -> ServerConfiguration)?
    let logger: Logger
    let certificates: CertificateFiles?
    let context: ServerContext
    private let inherited: InheritedSockets
    let notifier: ServiceNotifier
    private let running = Mutex(Running())
    let reloads = DispatchQueue(label: "reloads")
    /// An operator wants the server to end.
    let stopRequests = AsyncStream<Void>.makeStream()

    /// Loads the certificates and makes the threads; does not listen yet.
    ///
    /// - Parameters:
    ///   - reading: makes the configuration anew for a reload; nil leaves it as it is, and reads certificates alone
    ///     again.
    ///   - inherited: sockets that need not be opened, for settings that ask for such.
    ///   - notifier: whom to tell how the server is.
    /// - Throws: `TLSError` or `SettingError`, naming the file or setting that cannot be used.
    public init(
        _ configuration: ServerConfiguration, logger: Logger, inherited: InheritedSockets = InheritedSockets(),
        notifier: ServiceNotifier = ServiceNotifier(environment: [:]),
        reading: (@Sendable () throws -> ServerConfiguration)? = nil
    ) throws {
        self.inherited = inherited
        self.notifier = notifier
        self.configuration = configuration
        self.reading = reading
        self.logger = logger
        certificates = try configuration.tls.map { try CertificateFiles($0) }
        // Before there are threads: see `DescriptorLimit`.
        let admission = Admission(configuration, logger)
        let spin = configuration.busyPollNanoseconds
        let loops = try (0..<max(1, configuration.loops)).map { _ in
            LoopContext(try EventLoop(spinNanoseconds: spin), measures: configuration.metrics != nil)
        }
        let context = try ServerContext(
            configuration, certificates: certificates, verifier: try TokenVerifier(), admission: admission,
            loops: loops, logger: logger)
        self.context = context
        let interval = configuration.patience.sweepNanoseconds
        for loop in loops { loop.startSweeping(every: interval) }
        let home = loops[0]
        home.eventLoop.execute {
            home.eventLoop.scheduleRepeatedly(every: interval) { [weak context] in
                home.readClock()
                context?.tenants.sweep(on: home)
            }
        }
    }

    var isListening: Bool { running.withLock { !$0.ports.isEmpty } }

    public var addresses: Addresses { running.withLock { $0.addresses } }

    /// Begins to listen. To be called once.
    ///
    /// - Throws: `ListenError`; then nothing listens.
    public func start() async throws {
        let listener = Listener(server: context)
        do {
            if let certificates, let tls = configuration.tls {
                let given = inherited.take(.tls)
                let ports =
                    given.isEmpty
                    ? try listener.listen(tls.address, .tls(certificates))
                    : try given.map { try listener.listen(inherited: $0, .tls(certificates)) }
                running.withLock {
                    $0.ports += ports
                    $0.addresses.tls = ports.compactMap { HostPort($0.address) }
                }
            }
            if let port = configuration.plainLoopbackPort {
                let address = HostPort(host: "127.0.0.1", port: port)
                let ports = try listener.listen(address, .plain(isReachableByBrowsers: true))
                running.withLock {
                    $0.ports += ports
                    $0.addresses.plainLoopback = HostPort(ports.first?.address)
                }
            }
            let givenUnix = configuration.unixSocket == nil ? [] : inherited.take(.unix)
            for descriptor in givenUnix {
                let port = try listener.listen(inherited: descriptor, .plain(isReachableByBrowsers: false))
                running.withLock {
                    $0.ports.append(port)
                    $0.addresses.unixPaths.append(UnixSocketFile.path(of: descriptor))
                }
            }
            if givenUnix.isEmpty, let unixSocket = configuration.unixSocket {
                let file = try UnixSocketFile(unixSocket)
                running.withLock { $0.socketFile = file }
                let port = try listener.listen(file)
                running.withLock {
                    $0.ports.append(port)
                    $0.addresses.unixPaths = [file.path]
                }
            }
            try await openWatchPorts()
        } catch {
            stopListening()
            throw error
        }
        logStart()
        notifier.ready("listening")
    }

    private func openWatchPorts() async throws {
        let controls = ServerControls(
            reload: { [weak self] in await self?.reload() }, drain: { [weak self] in self?.requestStop($0) ?? false })
        let ports = try await WatchPorts.open(configuration, context, inherited, controls) { [weak self] in
            self?.takesClients ?? false
        }
        running.withLock {
            $0.watchPorts = ports
            $0.addresses.metrics = ports?.metricsAddresses ?? []
            $0.addresses.adminPaths = ports?.adminPaths ?? []
        }
        if let purpose = inherited.unused.first {
            throw ListenError.unavailable(
                "the inherited socket '\(purpose)'", reason: "no setting asks for it; see docs/operations.md")
        }
    }

    private var takesClients: Bool { running.withLock { !$0.ports.isEmpty && $0.deadline == nil } }

    /// Somebody has asked the server to stop.
    var isStopping: Bool { running.withLock { $0.deadline != nil } }

    private func logStart() {
        let addresses = addresses
        var metadata: Logger.Metadata = ["loops": "\(configuration.loops)"]
        if let tls = configuration.tls {
            metadata["tls"] = "\(addresses.tls.map(\.description).joined(separator: ","))"
            metadata["verify"] = "\(tls.verification.rawValue)"
            metadata["tenant"] = tls.anonymousTenant.map { "certificate, else \($0)" } ?? "certificate"
        }
        if let plain = addresses.plainLoopback { metadata["plain"] = "\(plain)" }
        for (key, places) in [
            ("unix", addresses.unixPaths), ("metrics", addresses.metrics.map(\.description)),
            ("admin", addresses.adminPaths),
        ] where !places.isEmpty {
            metadata[key] = "\(places.joined(separator: ","))"
        }
        if addresses.plainLoopback != nil || !addresses.unixPaths.isEmpty {
            metadata["local-tenant"] = "\(configuration.localTenant)"
        }
        logger.info("listening", metadata: metadata)
    }

    /// Serves until a graceful shutdown, then stops in order. Starts first, unless that has been done.
    public func run() async throws {
        if !isListening { try await start() }
        try? await gracefulShutdown()
        await stop()
    }
}

// MARK: Stopping

extension Server {
    /// Stops listening, tells the clients, waits for them to leave, and closes what is left.
    ///
    /// - Parameter isPatient: false leaves no time to the clients.
    public func stop(isPatient: Bool = true) async {
        let isPatient = running.withLock { running in
            let now = ContinuousClock.now
            let deadline = isPatient ? running.deadline ?? now + configuration.patience.drain : now
            running.deadline = deadline
            return deadline > now
        }
        logger.info("stopping", metadata: ["connections": "\(context.admission.count)"])
        stopListening()
        if isPatient {
            notifier.draining()
            context.tenants.drain()
            await waitForClients()
        }
        // Not before: whoever supervises the service gives it so much time from here on, and no more.
        notifier.stopping()
        closeConnections { $0.stop() }
        // For close_notify to get out and to be answered.
        let isHurried = running.withLock { $0.isHurried }
        await waitForConnections(isHurried ? .milliseconds(200) : .nanoseconds(Int64(context.waits.goodbye)))
        closeConnections { $0.abandon("the server stops", .stopped) }
        await running.withLock { $0.watchPorts }?.close()
        for loop in context.loops { await loop.eventLoop.hasRun() }
        context.tenants.removeAll()
        for loop in context.loops { loop.eventLoop.stop() }
        context.verifier.stop()
        await context.recordings?.finish()
        logger.info("stopped")
    }

    /// Asks `runUntilSignal` to stop, and gives clients `patience` from now on to leave; nil means as long as they
    /// take. Where they have been given time already, it can only become less. False when this changes nothing. From
    /// any thread.
    @discardableResult
    func requestStop(_ patience: Duration?) -> Bool {
        let deadline = ContinuousClock.now + (patience ?? .seconds(1 << 32))
        let (isNew, isFirst) = running.withLock { running in
            let isFirst = running.deadline == nil
            guard running.deadline.map({ deadline < $0 }) ?? true else { return (false, false) }
            running.deadline = deadline
            return (true, isFirst)
        }
        if isFirst { stopRequests.continuation.yield() }
        if isNew { context.admission.stopWaiting() }
        return isNew
    }

    /// Makes a `stop` that is under way, or yet to come, leave no more time to the clients. From any thread.
    public func hurry() {
        running.withLock {
            $0.deadline = .now
            $0.isHurried = true
        }
        closeConnections { $0.stop() }
        context.admission.stopWaiting()
    }

    private func stopListening() {
        let (ports, file) = running.withLock { running in
            defer {
                running.ports = []
                running.socketFile = nil
            }
            return (running.ports, running.socketFile)
        }
        for port in ports { port.socket.close() }
        file?.remove()
    }

    private func closeConnections(_ close: @escaping @Sendable (ConnectionHandler) -> Void) {
        for loop in context.loops {
            loop.eventLoop.execute {
                loop.readClock()
                loop.forEachConnection(close)
            }
        }
    }

    /// Waits for clients to leave, until the deadline. Somebody may bring it forward just now, so it is looked at again
    /// each second.
    private func waitForClients() async {
        while context.admission.count > 0, let deadline = running.withLock({ $0.deadline }), deadline > .now {
            await waitForConnections(min(.seconds(1), deadline - .now))
        }
    }

    private func waitForConnections(_ longest: Duration) async {
        let admission = context.admission
        let stops = admission.stops
        let timer = Task {
            try await Task.sleep(for: longest)
            admission.stopWaiting()
        }
        await admission.waitUntilEmpty(since: stops)
        timer.cancel()
        // Not to end the next wait instead of this one.
        _ = await timer.result
    }
}

extension ServerConfiguration.Patience {
    /// How often deadlines are looked at: each second, or more often for the sake of a short one.
    var sweepNanoseconds: UInt64 {
        let waits = [handshake, line, idle, linger].filter { $0 > .zero }
        let shortest = waits.map { $0.wholeNanoseconds / 4 }.min() ?? .max
        return max(1_000_000, min(1_000_000_000, shortest))
    }
}

extension HostPort {
    init?(_ address: SocketAddress?) {
        guard let address else { return nil }
        self.init(host: address.host, port: address.port)
    }
}
