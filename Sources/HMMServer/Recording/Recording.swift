internal import HMMEngine
internal import HMMProtocol
internal import HMMRecording
internal import Logging

/// One tenant's recording on its way to a file: records are added under the tenant's lock, which costs a copy and two
/// hashes, and written by the folder's thread a little later. Nobody ever waits for the disk: a recording that comes
/// faster than it can be written ends.
///
/// Unchecked: the encoder and its state are touched under `lock`; the file on the writer's thread; `tell` is set once,
/// before anything else is called.
final class Recording: @unchecked Sendable {
    /// What becomes of records.
    private enum Phase {
        /// They stay in memory, in case somebody asks for them.
        case kept
        /// So until the file has been made.
        case opening
        case open
        /// The last one has been made.
        case ended(RecordingEnd)
        /// Nothing is kept any more: too much came before anybody asked, or the disk refused.
        case gone
    }

    private let tenant: ShortName
    private let startSeconds: UInt64
    /// Bytes of the file, at most; and of what stays in memory.
    private let bound: UInt64
    private let lookback: Int
    private let folder: RecordingFolder
    private var tell: @Sendable (RecordingNews) -> Void = { _ in }

    private let lock = Lock()
    private var encoder: RecordingEncoder
    private var phase: Phase
    /// Of the file, once it has one.
    private var name: String?
    /// Bytes that the writer has taken.
    private var taken = 0
    private var wait = Wait.none

    /// Whether the writer knows that there is something to write.
    private enum Wait { case none, linger, urgent }

    private var file: RecordingFile?
    private var spare = WireBuffer()
    private var isSyncDue = false

    /// Time in which records collect before they are written.
    private static let lingerNanoseconds: UInt64 = 20_000_000
    /// Bytes with which that time is over.
    private static let hurry = 1 << 20
    /// Bytes that may wait for the writer.
    private static let longestQueue = 16 << 20
    private static let syncNanoseconds: UInt64 = 1_000_000_000
    /// Room that is left for the last record.
    private static let endRoom = 64

    /// - Parameter name: of the file; nil keeps the recording in memory until `start`.
    init(_ header: RecordingHeader, name: String?, folder: RecordingFolder) {
        self.name = name
        self.folder = folder
        tenant = header.tenant
        startSeconds = header.startSeconds
        bound = min(folder.policy.bytes, header.policy.quota[.recordingBytes].hard ?? .max)
        lookback = Int(min(UInt64(header.limits.lookback), bound - min(bound, UInt64(Self.endRoom))))
        phase = name == nil ? .kept : .open
        encoder = RecordingEncoder(header)
    }

    /// What there is to say at the beginning. What comes later is told to `tell`, from any thread.
    func begin(_ tell: @escaping @Sendable (RecordingNews) -> Void) -> RecordingNews {
        self.tell = tell
        return lock.withLock { name.map { .began(file: $0, .always) } ?? .kept }
    }

    /// Where the file is; nil when there is none.
    var path: String? { lock.withLock { name.map { folder.path($0) } } }

    // MARK: Under the tenant's lock

    /// Bytes recorded so far; nil when nothing is recorded any more.
    var length: UInt64? { lock.withLock { currentLength } }

    /// Returns `length` as it is then.
    func record(_ input: Input, at now: Instant, causing effects: borrowing Effects) -> UInt64? {
        lock.lock()
        defer { lock.unlock() }
        if isOpen {
            encoder.record(input, at: now, causing: effects)
            settle()
        }
        return currentLength
    }

    /// Whole requests of a connection. Returns `length` as it is then.
    func record(
        requests: borrowing [UInt8], of connection: ConnectionID, at now: Instant, causing effects: borrowing Effects
    ) -> UInt64? {
        lock.lock()
        defer { lock.unlock() }
        if isOpen {
            requests.withUnsafeBytes { encoder.record(requests: $0, of: connection, at: now, causing: effects) }
            settle()
        }
        return currentLength
    }

    /// A client wants a file.
    func start() {
        lock.withLock { if case .kept = phase { open() } }
    }

    /// Nothing follows. What nobody has asked for is forgotten, but for the way to a broken state.
    func finish(_ reason: RecordingEnd) {
        lock.withLock {
            guard isOpen else { return }
            if case .kept = phase {
                if reason == .poisoned { open() }
                guard case .opening = phase else { return forget() }
            }
            end(reason)
        }
    }

    // MARK: Under the lock

    private var isOpen: Bool {
        switch phase {
        case .kept, .opening, .open: true
        case .ended, .gone: false
        }
    }

    private var currentLength: UInt64? { isOpen ? UInt64(taken + encoder.bytes.count) : nil }

    /// Keeps the bounds, and sees to it that the writer comes.
    private func settle() {
        let queued = encoder.bytes.count
        if case .kept = phase {
            guard queued > lookback else { return }
            forget()
            return tell(.refused(.late))
        }
        if UInt64(taken + queued + Self.endRoom) > bound {
            encoder.dropLast()
            return end(.full)
        }
        if queued > Self.longestQueue {
            encoder.dropLast()
            return end(.behind)
        }
        guard case .open = phase else { return }
        if wait == .none {
            wait = .linger
            folder.writer.execute {
                _ = self.folder.writer.schedule(at: EventLoop.clock() + Self.lingerNanoseconds) { self.write() }
            }
        } else if wait == .linger, queued > Self.hurry {
            urge()
        }
    }

    private func forget() {
        phase = .gone
        var rest = WireBuffer()
        encoder.take(into: &rest)
    }

    private func open() {
        guard let name = folder.newName(startSeconds) else { return tell(.refused(.tooMany)) }
        self.name = name
        phase = .opening
        folder.writer.execute { self.makeFile(name) }
    }

    private func end(_ reason: RecordingEnd) {
        encoder.end(reason)
        phase = .ended(reason)
        urge()
    }

    private func urge() {
        wait = .urgent
        folder.writer.execute { self.write() }
    }

    // MARK: On the writer's thread

    /// Makes the file that has been asked for. Where that fails somebody may ask again.
    private func makeFile(_ name: String) {
        do throws(SystemError) {
            _ = try openFile(name)
        } catch {
            log(.error, "recording not begun", folder.path(name), error.description)
            folder.giveBackName()
            lock.withLock {
                self.name = nil
                if case .opening = phase { phase = .kept } else { forget() }
            }
            return tell(.refused(.disk))
        }
        lock.withLock { if case .opening = phase { phase = .open } }
        tell(.began(file: name, .onRequest))
        write()
    }

    private func write() {
        let (name, ending) = lock.withLock { () -> (String?, RecordingEnd?) in
            encoder.take(into: &spare)
            if case .gone = phase { spare.removeAll() }
            taken += spare.count
            wait = .none
            if case .ended(let reason) = phase { return (self.name, reason) }
            return (self.name, nil)
        }
        guard spare.count > 0, let name else { return }
        do throws(SystemError) {
            let file = try openFile(name)
            try file.append(spare.bytes)
            if let ending { return try finish(file, ending) }
        } catch {
            return fail(error)
        }
        guard folder.policy.sync == .interval, !isSyncDue else { return }
        isSyncDue = true
        _ = folder.writer.schedule(at: EventLoop.clock() + Self.syncNanoseconds) { self.synchronize() }
    }

    private func openFile(_ name: String) throws(SystemError) -> RecordingFile {
        if let file { return file }
        let made = try RecordingFile(folder.path(name))
        file = made
        log(.info, "recording", made.path)
        return made
    }

    private func synchronize() {
        isSyncDue = false
        do throws(SystemError) { try file?.synchronize() } catch { fail(error) }
    }

    private func finish(_ file: RecordingFile, _ ending: RecordingEnd) throws(SystemError) {
        if folder.policy.sync == .interval { try file.synchronize() }
        self.file = nil
        switch ending {
        case .closed, .stopped: log(.debug, "recording ended", file.path, ending.rawValue)
        case .full, .behind, .poisoned, .disk: log(.warning, "recording ended", file.path, ending.rawValue)
        }
        tell(.ended(ending))
    }

    private func fail(_ error: SystemError) {
        file = nil
        let path = lock.withLock { () -> String? in
            defer { phase = .gone }
            if case .gone = phase { return nil }
            return name.map { folder.path($0) }
        }
        guard let path else { return }
        log(.error, "recording ended", path, error.description)
        tell(.ended(.disk))
    }

    private func log(_ level: Logger.Level, _ message: Logger.Message, _ path: String, _ reason: String? = nil) {
        var metadata: Logger.Metadata = ["tenant": "\(tenant)", "file": "\(path)"]
        metadata["reason"] = reason.map { "\($0)" }
        folder.logger.log(level: level, message, metadata: metadata)
    }
}
