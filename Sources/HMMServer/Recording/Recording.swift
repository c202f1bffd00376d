internal import HMMEngine
internal import HMMProtocol
internal import HMMRecording
internal import Logging

/// One tenant's recording on its way to a file: records are added under the tenant's lock, which costs a copy and two
/// hashes, and written by the folder's thread a little later. Nobody ever waits for the disk: a recording that comes
/// faster than it can be written ends.
///
/// Unchecked: the encoder and its state are touched under `lock`; the file on the writer's thread.
final class Recording: @unchecked Sendable {
    let path: String
    private let tenant: ShortName
    /// Bytes of the file, at most.
    private let bound: UInt64
    private let folder: RecordingFolder

    private let lock = Lock()
    private var encoder: RecordingEncoder
    /// Bytes that the writer has taken.
    private var taken = 0
    private var end: RecordingEnd?
    /// The disk refused; what follows is not kept.
    private var hasFailed = false
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

    init(_ header: RecordingHeader, path: String, bound: UInt64, folder: RecordingFolder) {
        self.path = path
        tenant = header.tenant
        self.bound = bound
        self.folder = folder
        encoder = RecordingEncoder(header)
    }

    // MARK: Under the tenant's lock

    func record(_ input: Input, at now: Instant, causing effects: borrowing Effects) {
        lock.lock()
        if isOpen {
            encoder.record(input, at: now, causing: effects)
            settle()
        }
        lock.unlock()
    }

    /// Whole requests of a connection.
    func record(
        requests: borrowing [UInt8], of connection: ConnectionID, at now: Instant, causing effects: borrowing Effects
    ) {
        lock.lock()
        if isOpen {
            requests.withUnsafeBytes { encoder.record(requests: $0, of: connection, at: now, causing: effects) }
            settle()
        }
        lock.unlock()
    }

    /// Nothing follows.
    func finish(_ reason: RecordingEnd) {
        lock.withLock {
            guard isOpen else { return }
            close(reason)
        }
    }

    private var isOpen: Bool { end == nil && !hasFailed }

    /// Keeps the bounds, and sees to it that the writer comes.
    private func settle() {
        let queued = encoder.bytes.count
        if UInt64(taken + queued + Self.endRoom) > bound {
            encoder.dropLast()
            return close(.full)
        }
        if queued > Self.longestQueue {
            encoder.dropLast()
            return close(.behind)
        }
        if wait == .none {
            wait = .linger
            folder.writer.execute {
                _ = self.folder.writer.schedule(at: EventLoop.clock() + Self.lingerNanoseconds) { self.write() }
            }
        } else if wait == .linger, queued > Self.hurry {
            urge()
        }
    }

    private func close(_ reason: RecordingEnd) {
        encoder.end(reason)
        end = reason
        urge()
    }

    private func urge() {
        wait = .urgent
        folder.writer.execute { self.write() }
    }

    // MARK: On the writer's thread

    private func write() {
        let ending = lock.withLock { () -> RecordingEnd? in
            encoder.take(into: &spare)
            if hasFailed { spare.removeAll() }
            taken += spare.count
            wait = .none
            return end
        }
        guard spare.count > 0 else { return }
        do throws(SystemError) {
            let file = try openFile()
            try file.append(spare.bytes)
            if let ending { return try finish(file, ending) }
        } catch {
            return fail(error)
        }
        guard folder.policy.sync == .interval, !isSyncDue else { return }
        isSyncDue = true
        _ = folder.writer.schedule(at: EventLoop.clock() + Self.syncNanoseconds) { self.synchronize() }
    }

    private func openFile() throws(SystemError) -> RecordingFile {
        if let file { return file }
        let made = try RecordingFile(path)
        file = made
        folder.logger.info("recording", metadata: ["tenant": "\(tenant)", "file": "\(path)"])
        return made
    }

    private func synchronize() {
        isSyncDue = false
        do throws(SystemError) { try file?.synchronize() } catch { fail(error) }
    }

    private func finish(_ file: RecordingFile, _ ending: RecordingEnd) throws(SystemError) {
        if folder.policy.sync == .interval { try file.synchronize() }
        self.file = nil
        let metadata: Logger.Metadata = ["tenant": "\(tenant)", "file": "\(path)", "reason": "\(ending.rawValue)"]
        switch ending {
        case .closed: folder.logger.debug("recording ended", metadata: metadata)
        case .full, .behind, .poisoned: folder.logger.warning("recording ended", metadata: metadata)
        }
    }

    private func fail(_ error: SystemError) {
        file = nil
        let isFirst = lock.withLock { () -> Bool in
            defer { hasFailed = true }
            return !hasFailed
        }
        guard isFirst else { return }
        folder.logger.error(
            "recording ended", metadata: ["tenant": "\(tenant)", "file": "\(path)", "reason": "\(error.description)"])
    }
}
