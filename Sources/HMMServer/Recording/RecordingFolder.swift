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
    private let state: Mutex<State>

    private struct State {
        /// Recordings in the directory.
        var files: Int
        var lastNumber = 0
        var hasWarned = false
    }

    /// - Throws: `SettingError` if nothing can be written there.
    init(_ policy: RecordingPolicy, logger: Logger) throws {
        self.policy = policy
        self.logger = logger
        state = Mutex(State(files: try Self.prepare(policy.folder)))
        writer = try EventLoop()
    }

    /// Makes the directory unless it is there. Returns the number of recordings in it.
    private static func prepare(_ path: String) throws(SettingError) -> Int {
        func failure() -> SettingError {
            SettingError("cannot record in '\(path)': \(String(cString: strerror(errno)))")
        }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST, access(path, W_OK | X_OK) == 0, let listing = opendir(path)
        else { throw failure() }
        defer { closedir(listing) }
        var count = 0
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(suffix) { count += 1 }
        }
        return count
    }

    private static let suffix = ".hmmrec"

    /// What keeps the recording of a tenant that is about to begin; nil when it is not to have one, or when it is
    /// always to have one and there are too many.
    func begin(
        _ tenant: ShortName, _ limits: Limits, _ allowed: TenantPolicy, _ rule: RecordingRule
    ) -> Recording? {
        let header = RecordingHeader(
            tenant: tenant, engineVersion: Engine.version, startSeconds: UInt64(max(0, time(nil))),
            holdsOutput: policy.holdsOutput, limits: limits, policy: allowed)
        switch rule {
        case .never: return nil
        case .onRequest: return Recording(header, name: nil, folder: self)
        case .always: return newName(header.startSeconds).map { Recording(header, name: $0, folder: self) }
        }
    }

    /// The name of one more file, for a tenant that began then; nil when there are too many.
    func newName(_ seconds: UInt64) -> String? {
        let (number, warns) = state.withLock { state -> (Int?, Bool) in
            guard state.files < policy.files else {
                defer { state.hasWarned = true }
                return (nil, !state.hasWarned)
            }
            state.files += 1
            state.lastNumber += 1
            return (state.lastNumber, false)
        }
        if warns { writer.execute { self.warn() } }
        // Nothing that a tenant chooses is part of the name.
        return number.map { "hmmd-\(seconds)-\(getpid())-\($0)\(Self.suffix)" }
    }

    /// The file of a name was not made.
    func giveBackName() { state.withLock { $0.files -= 1 } }

    func path(_ name: String) -> String { "\(policy.folder)/\(name)" }

    private func warn() {
        logger.warning(
            "tenants go unrecorded: there are too many recordings",
            metadata: ["folder": "\(policy.folder)", "bound": "\(policy.files)"])
    }

    /// Returns when everything that has ended has been written.
    func finish() async {
        await withCheckedContinuation { waiter in writer.execute { waiter.resume() } }
        writer.stop()
    }
}
