import ArgumentParser
import Foundation
import HMMProtocol
import HMMRecording
import HMMServer

/// A recording on the disk, mapped for a command that reads it.
final class RecordedFile {
    let path: String
    let bytes: Data
    private let descriptor: Int32

    /// - Parameter toMend: opens it for `cutOff`, which nobody may do while a server writes it.
    /// - Throws: status 2, with the reason on standard error.
    init(_ path: String, toMend: Bool = false) throws {
        self.path = path
        // Without waiting for the other end of a pipe.
        descriptor = open(path, (toMend ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.refusal(path, String(cString: strerror(errno))) }
        // First of all: until it has the lock, a server may go on writing.
        if toMend, flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            bytes = Data()
            throw Self.refusal(
                path,
                errno == EWOULDBLOCK
                    ? "a server is writing it: --repair is for files that it has left behind"
                    : "cannot be locked: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        if !isRegular {
            bytes = Data()
            throw Self.refusal(path, "not a regular file")
        }
        let count = Int(status.st_size)
        guard count > 0 else {
            bytes = Data()
            return
        }
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            bytes = Data()
            throw Self.refusal(path, String(cString: strerror(errno)))
        }
        bytes = Data(bytesNoCopy: start, count: count, deallocator: .unmap)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Reads the header.
    ///
    /// - Throws: status 2, with the reason on standard error, also when the tenant could have more than `memory` bytes.
    func reader(_ bytes: UnsafeRawBufferPointer, memory: RecordedMemory) throws -> RecordingReader {
        let reader: RecordingReader
        do { reader = try RecordingReader(bytes) } catch { throw Self.refusal(path, "\(error)") }
        let needed = reader.header.limits.residentBytes
        guard needed <= memory.bytes else {
            throw Self.refusal(path, "the tenant could have \(needed) bytes of memory: allow it by --memory")
        }
        return reader
    }

    /// Ends the file at `offset`. What was behind it is kept beside it, in a file whose name ends in `.torn`.
    ///
    /// - Throws: status 2, with the reason on standard error; the file is then as it was.
    func cutOff(at offset: Int) throws {
        let rest = "\(path).torn"
        let other = open(rest, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard other >= 0 else { throw Self.refusal(rest, String(cString: strerror(errno))) }
        defer { close(other) }
        if let reason = bytes[offset...].withUnsafeBytes({ StandardStream.write($0, to: other) }) {
            unlink(rest)
            throw Self.refusal(rest, reason)
        }
        guard fsync(other) == 0, ftruncate(descriptor, off_t(offset)) == 0, fsync(descriptor) == 0 else {
            throw Self.refusal(path, String(cString: strerror(errno)))
        }
    }

    private static func refusal(_ path: String, _ reason: String) -> ExitCode {
        StandardStream.complain("\(path): \(reason)")
        return ExitCode(2)
    }
}

/// Memory that a recorded tenant may have at a replay.
struct RecordedMemory: ExpressibleByArgument {
    var bytes: UInt64 = 4 << 30

    init() {}

    init?(argument: String) {
        guard let bytes = Quantity.bytes(argument) else { return nil }
        self.bytes = bytes
    }

    var defaultValueDescription: String { "4g" }
}
