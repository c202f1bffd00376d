import ArgumentParser
import Foundation

/// Standard output in large pieces, and standard error.
final class StandardStream {
    private var pending: [UInt8] = []

    /// A descriptor that is closed would be the next file's, and what is said would go into it.
    init() {
        while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 {
            if descriptor > 2 {
                close(descriptor)
                break
            }
        }
    }

    func put(_ bytes: some Sequence<UInt8>) throws {
        pending.append(contentsOf: bytes)
        if pending.count > 1 << 16 { try flush() }
    }

    func put(line: String) throws { try put(Array((line + "\n").utf8)) }

    /// - Throws: status 3, with the reason on standard error.
    func flush() throws {
        let reason = pending.withUnsafeBytes { Self.write($0, to: 1) }
        pending.removeAll(keepingCapacity: true)
        guard let reason else { return }
        Self.complain("standard output: \(reason)")
        throw ExitCode(3)
    }

    /// On standard error; where that is closed, there is nobody to tell.
    static func complain(_ text: String) {
        _ = Array((text + "\n").utf8).withUnsafeBytes { write($0, to: 2) }
    }

    /// Returns why not all of it could be written; nil when it was.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> String? {
        var rest = bytes
        while rest.count > 0 {
            let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(cString: strerror(errno)) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return nil
    }
}
