internal import Glibc

/// The file of one recording. On the writer's thread only.
final class RecordingFile {
    let path: String
    private let descriptor: Int32
    /// Something has been written that may not be on the disk yet.
    private(set) var isDirty = false
    private(set) var isEmpty = true

    /// A new file for its owner only. It is locked for as long as it is written, so that nobody mends it meanwhile.
    ///
    /// - Throws: `SystemError`; also when something of that name exists.
    init(_ path: String) throws(SystemError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SystemError("open") }
        // Where a file system has no locks, it goes without.
        _ = flock(descriptor, LOCK_EX | LOCK_NB)
    }

    deinit { close(descriptor) }

    /// - Throws: when not all of it could be written, as on a full disk. The file then ends with a torn record, which
    ///   readers know how to leave out.
    func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var rest = bytes
        while rest.count > 0 {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError("write") }
            isDirty = true
            isEmpty = false
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// - Parameter isDone: everything on the file system has just been forced to the disk.
    func synchronize(isDone: Bool = false) throws(SystemError) {
        guard isDirty else { return }
        guard isDone || fdatasync(descriptor) == 0 else { throw SystemError("fdatasync") }
        isDirty = false
    }
}
