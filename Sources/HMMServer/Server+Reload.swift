internal import Dispatch
internal import Glibc
internal import HMMProtocol
internal import HMMTLS
internal import Logging
internal import Synchronization

extension Server {
    /// Reads configuration and certificates again. If anything in them is wrong, everything stays as it was, and the
    /// log says what is wrong. No connection is lost, except where its client would not be let in as the same again.
    ///
    /// One reload after the other, each whole, on a queue of their own: the later reading wins, and a file that cannot
    /// be read to its end holds up nothing but further reloads.
    ///
    /// Returns what is wrong, a line each; nil when nothing is. Who is cancelled waits no longer; the reload goes on.
    @discardableResult
    public func reload() async -> String? {
        let wait = ReloadWait()
        reloads.async { wait.end(self.readAgain()) }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { wait.begin($0) }
        } onCancel: {
            wait.end("the reload goes on, and nobody waits for it")
        }
    }

    /// As above, without waiting for it.
    func requestReload() { reloads.async { _ = self.readAgain() } }

    private func readAgain() -> String? {
        if isStopping {
            logger.notice("not reloaded", metadata: ["reason": "the server is stopping"])
            return "the server is stopping"
        }
        notifier.reloading()
        let reason = adoptAnew()
        if !isStopping { notifier.ready(reason.map { "listening; not reloaded: \($0)" } ?? "listening") }
        return reason
    }

    private func adoptAnew() -> String? {
        guard let reading else { return reloadCertificates(configuration) }
        let fresh: ServerConfiguration
        do {
            fresh = try reading()
        } catch let error as SettingErrors {
            for error in error.errors { logger.error("configuration not reloaded", metadata: ["reason": "\(error)"]) }
            return error.description
        } catch {
            logger.error("configuration not reloaded", metadata: ["reason": "\(error)"])
            return "\(error)"
        }
        return reloadCertificates(fresh)
    }

    private func reloadCertificates(_ fresh: ServerConfiguration) -> String? {
        if let certificates, let tls = fresh.tls ?? configuration.tls {
            do {
                try certificates.reload(tls)
            } catch {
                logger.error("certificates not reloaded", metadata: ["reason": "\(error.description)"])
                return error.description
            }
            logger.info("certificates reloaded")
        }
        let late = configuration.differences(from: fresh)
        if !late.isEmpty {
            logger.warning(
                "changes that need a restart", metadata: ["settings": "\(late.map(\.rawValue).joined(separator: ","))"])
        }
        context.adopt(fresh)
        if reading != nil { logger.info("configuration reloaded") }
        return nil
    }
}

/// One wait for a reload, with its first end.
private final class ReloadWait: Sendable {
    private struct State {
        var waiter: CheckedContinuation<String?, Never>?
        var outcome: String??
    }

    private let state = Mutex(State())

    func begin(_ waiter: CheckedContinuation<String?, Never>) {
        let outcome = state.withLock { state in
            if state.outcome == nil { state.waiter = waiter }
            return state.outcome
        }
        if let outcome { waiter.resume(returning: outcome) }
    }

    func end(_ outcome: String?) {
        let waiter = state.withLock { state in
            state.outcome = state.outcome ?? .some(outcome)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: outcome)
    }
}

extension ServerConfiguration {
    /// Settings that differ and that only a restart can change.
    func differences(from other: ServerConfiguration) -> [Setting] {
        var different: [Setting] = []
        func compare<Value: Equatable>(_ setting: Setting, _ value: (ServerConfiguration) -> Value) {
            if value(self) != value(other) { different.append(setting) }
        }
        compare(.listen) { $0.tls?.address }
        compare(.unix) { $0.unixSocket?.path }
        compare(.unixMode) { $0.unixSocket?.mode }
        compare(.plainLoopback) { $0.plainLoopbackPort }
        compare(.tenantMemory) { $0.limits.residentBytes }
        compare(.loops) { $0.loops }
        compare(.handshakeTimeout) { $0.patience.handshake }
        compare(.lineTimeout) { $0.patience.line }
        compare(.idleTimeout) { $0.patience.idle }
        compare(.unreachableTimeout) { $0.patience.unreachable }
        compare(.linger) { $0.patience.linger }
        compare(.drainSeconds) { $0.patience.drain }
        compare(.metrics) { $0.metrics }
        compare(.admin) { $0.admin }
        compare(.record) { $0.recording?.folder }
        compare(.recordBytes) { $0.recording?.bytes }
        compare(.recordFiles) { $0.recording?.files }
        compare(.recordSync) { $0.recording?.sync }
        compare(.recordOutput) { $0.recording?.holdsOutput }
        compare(.logLevel) { $0.logLevel }
        return different
    }

    private static let files = [Setting.cert, .key, .clientCA, .clientCRL]

    /// Files that cannot be read, with the places where they are named.
    public static func unreadableFiles(_ given: GivenSettings) -> [SettingError] {
        files.compactMap { setting in
            guard let path = given[setting] else { return nil }
            // Not to wait for whatever it is.
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            guard descriptor < 0 else {
                close(descriptor)
                return nil
            }
            return SettingError("\(path): \(String(cString: strerror(errno)))", at: given.place(setting))
        }
    }

    /// Files that cannot be used, with the places where they are named.
    public func unusableFiles(_ given: GivenSettings) -> [SettingError] {
        let unreadable = Self.unreadableFiles(given)
        guard let tls, unreadable.isEmpty else { return unreadable }
        do {
            _ = try CertificateFiles.load(tls)
            return []
        } catch {
            guard case .configuration(let subject) = error.kind else { return [SettingError(error.description)] }
            let setting = Self.files.first { given[$0] == subject }
            return [SettingError(error.description, at: setting.flatMap { given.place($0) })]
        }
    }
}
