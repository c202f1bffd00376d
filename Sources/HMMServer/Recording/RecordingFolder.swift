internal import CLinux
internal import Glibc
internal import HMMEngine
internal import HMMProtocol
internal import HMMRecording
internal import Logging
internal import Synchronization

/// Where recordings are written, by a thread of their own.
final class RecordingFolder: Sendable {
    let policy: RecordingPolicy
    let writer: EventLoop
    let logger: Logger
    let backlog = RecordingBacklog()
    /// Tells the files of this server from those of others that record there, too.
    private let server = UInt32.random(in: .min ... .max)
    private let state: Mutex<State>

    private struct State {
        /// Recordings in the directory, those to be made included.
        var files = 0
        /// Those of this server, as far as they are still there.
        var own: [String: Own] = [:]
        /// How many of them each tenant has.
        var shares: [ShortName: Int] = [:]
        var lastNumber = 0
        var counted: UInt64 = 0
        var change = timespec()
        var warned: UInt64?
        /// A file has been made whose name may not be on the disk yet.
        var hasNewNames = false
        /// Recordings of which something may not be on the disk yet, each once.
        var unsynchronized: [Recording] = []
    }

    private struct Own {
        let tenant: ShortName
        var isMade = false
    }

    private static let suffix = ".hmmrec"
    /// The count may be as old as that: others make files, too.
    private static let countNanoseconds: UInt64 = 1_000_000_000
    private static let warningNanoseconds: UInt64 = 60_000_000_000
    private static let syncNanoseconds: UInt64 = 1_000_000_000
    /// Files that are forced to the disk each by itself; of more the whole file system is, which is one wait for all.
    private static let fewFiles = 16

    /// - Throws: `SettingError` if nothing can be written there.
    init(_ policy: RecordingPolicy, logger: Logger) throws {
        self.policy = policy
        self.logger = logger
        state = Mutex(State())
        writer = try EventLoop()
        guard mkdir(policy.folder, 0o700) == 0 || errno == EEXIST, access(policy.folder, W_OK | X_OK) == 0, count()
        else {
            let reason = String(cString: strerror(errno))
            writer.stop()
            throw SettingError("cannot record in '\(policy.folder)': \(reason)")
        }
    }

    /// What keeps the recording of a tenant that is about to begin; nil when it is not to have one.
    func begin(
        _ tenant: ShortName, _ limits: Limits, _ allowed: TenantPolicy, _ rule: RecordingRule
    ) -> Recording? {
        if rule == .never { return nil }
        let header = RecordingHeader(
            tenant: tenant, engineVersion: Engine.version, startSeconds: UInt64(max(0, time(nil))),
            holdsOutput: policy.holdsOutput, limits: limits, policy: allowed)
        return Recording(header, rule, folder: self)
    }

    /// The policy with the bound on every recording in it.
    func bounded(_ allowed: TenantPolicy) -> TenantPolicy {
        var allowed = allowed
        allowed.quota[.recordingBytes].hard = min(policy.bytes, allowed.quota[.recordingBytes].hard ?? .max)
        return allowed
    }

    func path(_ name: String) -> String { "\(policy.folder)/\(name)" }

    // MARK: Names

    /// The name of one more file, for a tenant that began then; nil when there are too many. A tenant may have as many
    /// as there are places left, so that none uses up all of them.
    func newName(_ tenant: ShortName, _ seconds: UInt64) -> String? {
        let (name, isOld) = state.withLock { state -> (String?, Bool) in
            let share = state.shares[tenant, default: 0]
            guard share < policy.files - state.files else { return (nil, false) }
            state.lastNumber += 1
            // Nothing that a tenant chooses is part of the name.
            let name = "hmmd-\(seconds)-\(String(server, radix: 16))-\(state.lastNumber)\(Self.suffix)"
            state.files += 1
            state.own[name] = Own(tenant: tenant)
            state.shares[tenant] = share + 1
            return (name, EventLoop.clock() - state.counted >= Self.countNanoseconds)
        }
        if isOld { writer.execute { self.recount() } }
        return name
    }

    /// The file of that name is not there.
    func giveBack(_ name: String) {
        state.withLock { state in
            guard let own = state.own.removeValue(forKey: name) else { return }
            state.files -= 1
            state.shares[own.tenant, default: 1] -= 1
        }
    }

    // MARK: On the writer's thread

    /// As `newName`, after another look at the directory where that may tell something new. Says in the log, now and
    /// then, that there is none.
    func findName(_ tenant: ShortName, _ seconds: UInt64) -> String? {
        recount()
        if let name = newName(tenant, seconds) { return name }
        let now = EventLoop.clock()
        let warns = state.withLock { state in
            if let warned = state.warned, now - warned < Self.warningNanoseconds { return false }
            state.warned = now
            return true
        }
        guard warns else { return nil }
        logger.warning(
            "tenants go unrecorded: there are too many recordings",
            metadata: ["folder": "\(policy.folder)", "bound": "\(policy.files)", "tenant": "\(tenant)"])
        return nil
    }

    /// The file of that name has been made.
    func made(_ name: String) {
        state.withLock {
            $0.own[name]?.isMade = true
            $0.hasNewNames = true
        }
    }

    /// Forces the recording to the disk in a second, with all others of which something has been written until then.
    func synchronizeLater(_ recording: Recording) {
        let isFirst = state.withLock { state in
            state.unsynchronized.append(recording)
            return state.unsynchronized.count == 1
        }
        guard isFirst else { return }
        _ = writer.schedule(at: EventLoop.clock() + Self.syncNanoseconds) { self.synchronizeAll() }
    }

    /// Recordings of which something may not be on the disk yet.
    var unsynchronized: Int { state.withLock { $0.unsynchronized.count } }

    func synchronizeAll() {
        let recordings = state.withLock { state in
            defer { state.unsynchronized = [] }
            return state.unsynchronized
        }
        // Where that fails, each finds out whether it is meant.
        let isDone = recordings.count > Self.fewFiles && synchronizeFileSystem()
        for recording in recordings { recording.synchronize(isDone: isDone) }
    }

    private func synchronizeFileSystem() -> Bool {
        let descriptor = open(policy.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return hmm_sync_file_system(descriptor) == 0
    }

    /// Forces the names of new files to the disk.
    func synchronize() throws(SystemError) {
        guard state.withLock({ $0.hasNewNames }) else { return }
        let descriptor = try SystemError.check("open", open(policy.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        defer { close(descriptor) }
        try SystemError.check("fsync", fsync(descriptor))
        // Not before: who comes next has to find out as well.
        state.withLock { $0.hasNewNames = false }
    }

    /// Counts again, if the directory has changed or the last time was long ago.
    private func recount() {
        var status = stat()
        guard stat(policy.folder, &status) == 0 else { return }
        let isNews = state.withLock { state in
            status.st_mtim.tv_sec != state.change.tv_sec || status.st_mtim.tv_nsec != state.change.tv_nsec
                || EventLoop.clock() - state.counted >= Self.countNanoseconds
        }
        if isNews { _ = count() }
    }

    /// False, with errno, when the directory cannot be read.
    private func count() -> Bool {
        var status = stat()
        guard let listing = opendir(policy.folder) else { return false }
        defer { closedir(listing) }
        // Before the first entry is read: what comes meanwhile is a change.
        fstat(dirfd(listing), &status)
        var names: Set<String> = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(Self.suffix) { names.insert(name) }
        }
        state.withLock { state in
            state.own = state.own.filter { name, own in !own.isMade || names.contains(name) }
            state.files = names.count + state.own.keys.count { !names.contains($0) }
            state.shares = state.own.values.reduce(into: [:]) { $0[$1.tenant, default: 0] += 1 }
            state.counted = EventLoop.clock()
            state.change = status.st_mtim
        }
        return true
    }

    /// Returns when everything that has ended has been written.
    func finish() async {
        await writer.hasRun()
        writer.stop()
    }
}
