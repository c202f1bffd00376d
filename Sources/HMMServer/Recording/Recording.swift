internal import Glibc
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
    private let rule: RecordingRule
    /// Bytes of what stays in memory, at most.
    private let lookback: Int
    private let folder: RecordingFolder
    private var tell: @Sendable (RecordingNews) -> Void = { _ in }

    private let lock = Lock()
    private var encoder: RecordingEncoder
    private var phase: Phase
    /// Of the file, once it has one.
    private var name: String?
    /// Bytes of the file, at most.
    private var bound: UInt64
    /// Bytes that the writer has taken.
    private var taken = 0
    private var wait = Wait.none

    /// Whether the writer knows that there is something to write.
    private enum Wait { case none, linger, urgent }

    private var file: RecordingFile?
    private var spare = WireBuffer()
    private var isSyncDue = false
    /// The file's name is on the disk.
    private var isNameSafe = false
    /// Bytes that the folder knows to wait for the writer.
    private var counted = 0

    /// Time in which records collect before they are written.
    private static let lingerNanoseconds: UInt64 = 20_000_000
    /// Bytes with which that time is over.
    private static let hurry = 1 << 20
    /// Bytes that may wait for the writer.
    private static let longestQueue = 16 << 20
    /// Bytes of a buffer that are kept for the next records.
    private static let keptBuffer = 1 << 16
    /// Room that is left for the last record.
    private static let endRoom = 64

    /// - Parameter rule: `onRequest` keeps the recording in memory until `start`.
    init(_ header: RecordingHeader, _ rule: RecordingRule, folder: RecordingFolder) {
        self.rule = rule
        self.folder = folder
        tenant = header.tenant
        startSeconds = header.startSeconds
        bound = folder.bounded(header.policy).quota[.recordingBytes].hard ?? .max
        lookback = Int(min(UInt64(header.limits.lookback), bound - min(bound, UInt64(Self.endRoom))))
        encoder = RecordingEncoder(header)
        name = rule == .always ? folder.newName(tenant, startSeconds) : nil
        phase = name == nil ? .kept : .open
    }

    /// What there is to say at the beginning. What comes later is told to `tell`, from any thread.
    func begin(_ tell: @escaping @Sendable (RecordingNews) -> Void) -> RecordingNews {
        self.tell = tell
        return lock.withLock {
            if let name { return .began(file: name, rule) }
            // There was no place. There may be one by now.
            if rule == .always { open() }
            return .kept(rule)
        }
    }

    /// Where the file is, and why nothing more goes there, if so; nil when there is none.
    var place: (path: String, end: RecordingEnd?)? {
        lock.withLock {
            guard let name else { return nil }
            return switch phase {
            case .ended(let reason): (folder.path(name), reason)
            case .gone: (folder.path(name), .disk)
            case .kept, .opening, .open: (folder.path(name), nil)
            }
        }
    }

    // MARK: Under the tenant's lock

    /// Bytes recorded so far; nil when nothing is recorded any more.
    var length: UInt64? { lock.withLock { currentLength } }

    /// Returns `length` as it is then.
    func record(_ input: Input, at now: Instant, causing effects: borrowing Effects) -> UInt64? {
        lock.lock()
        defer { lock.unlock() }
        if isOpen {
            encoder.record(input, at: now, causing: effects)
            if case .policy(let policy) = input { adopt(policy) }
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

    private func adopt(_ policy: TenantPolicy) {
        bound = folder.bounded(policy).quota[.recordingBytes].hard ?? .max
    }

    private var currentLength: UInt64? { isOpen ? UInt64(taken + encoder.bytes.count) : nil }

    /// Tells the folder what waits for the writer. What stays in memory has its own bound.
    private func count() {
        let queued = if case .kept = phase { 0 } else { encoder.bytes.count }
        folder.backlog.change(from: counted, to: queued)
        counted = queued
    }

    /// Keeps the bounds, and sees to it that the writer comes.
    private func settle() {
        defer { count() }
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
        if queued > Self.longestQueue || folder.backlog.isPassed(own: queued) {
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
        count()
    }

    private func open() {
        name = folder.newName(tenant, startSeconds)
        phase = .opening
        count()
        folder.writer.execute { self.makeFile() }
    }

    private func end(_ reason: RecordingEnd) {
        encoder.end(reason)
        phase = .ended(reason)
        count()
        urge()
    }

    private func urge() {
        wait = .urgent
        folder.writer.execute { self.write() }
    }

    // MARK: On the writer's thread

    /// Makes the file that has been asked for. Where that fails somebody may ask again.
    private func makeFile() {
        guard let name = lock.withLock({ name }) ?? folder.findName(tenant, startSeconds) else {
            return refuse(.tooMany)
        }
        do throws(SystemError) {
            _ = try openFile(name)
        } catch {
            log(.error, "recording not begun", folder.path(name), error.description)
            folder.giveBack(name)
            return refuse(.disk)
        }
        lock.withLock {
            self.name = name
            if case .opening = phase { phase = .open }
        }
        tell(.began(file: name, rule))
        write()
    }

    private func refuse(_ reason: RecordingRefusal) {
        let mayAskAgain = lock.withLock {
            name = nil
            if case .opening = phase {
                phase = .kept
                count()
                return true
            }
            forget()
            return false
        }
        tell(.refused(mayAskAgain ? reason : .late))
    }

    private func write() {
        let (name, ending) = lock.withLock { () -> (String?, RecordingEnd?) in
            encoder.take(into: &spare)
            if case .gone = phase { spare.removeAll() }
            taken += spare.count
            wait = .none
            count()
            if case .ended(let reason) = phase { return (self.name, reason) }
            return (self.name, nil)
        }
        guard spare.count > 0, let name else { return }
        defer {
            // Of many recordings, what each has needed once would be much.
            spare.removeAll()
            spare.shrink(to: Self.keptBuffer)
        }
        do throws(SystemError) {
            let file = try openFile(name)
            try file.append(spare.bytes)
            if let ending { return try finish(file, ending) }
        } catch {
            return fail(error)
        }
        guard folder.policy.sync == .interval, !isSyncDue else { return }
        isSyncDue = true
        folder.synchronizeLater(self)
    }

    private func openFile(_ name: String) throws(SystemError) -> RecordingFile {
        if let file { return file }
        let made = try RecordingFile(folder.path(name))
        file = made
        folder.made(name)
        log(.info, "recording", made.path)
        return made
    }

    /// - Parameter isDone: everything on the file system has just been forced to the disk.
    func synchronize(isDone: Bool) {
        isSyncDue = false
        // What has ended has seen to itself.
        guard let file else { return }
        do throws(SystemError) {
            try file.synchronize(isDone: isDone)
            try keepName(isDone: isDone)
        } catch {
            fail(error)
        }
    }

    private func keepName(isDone: Bool = false) throws(SystemError) {
        if isNameSafe { return }
        if !isDone { try folder.synchronize() }
        isNameSafe = true
    }

    private func finish(_ file: RecordingFile, _ ending: RecordingEnd) throws(SystemError) {
        if folder.policy.sync == .interval {
            try file.synchronize()
            try keepName()
        }
        self.file = nil
        switch ending {
        case .closed, .stopped: log(.debug, "recording ended", file.path, ending.rawValue)
        case .full, .behind, .poisoned, .disk: log(.warning, "recording ended", file.path, ending.rawValue)
        }
        tell(.ended(ending))
    }

    private func fail(_ error: SystemError) {
        let isMissing = file?.isEmpty ?? true
        if isMissing, let file { unlink(file.path) }
        file = nil
        let name = lock.withLock { () -> String? in
            if case .gone = phase { return nil }
            forget()
            defer { if isMissing { self.name = nil } }
            return self.name
        }
        guard let name else { return }
        log(.error, "recording ended", folder.path(name), error.description)
        if isMissing { folder.giveBack(name) }
        tell(.ended(.disk))
    }

    private func log(_ level: Logger.Level, _ message: Logger.Message, _ path: String, _ reason: String? = nil) {
        var metadata: Logger.Metadata = ["tenant": "\(tenant)", "file": "\(path)"]
        metadata["reason"] = reason.map { "\($0)" }
        folder.logger.log(level: level, message, metadata: metadata)
    }
}

extension RecordingNews {
    /// Nothing more is recorded.
    var isLast: Bool {
        switch self {
        case .ended, .refused(.late): true
        case .kept, .began, .refused: false
        }
    }
}
