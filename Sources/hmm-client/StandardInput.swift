import Dispatch
import Glibc

/// Standard input, read on a thread of its own so that nothing else waits for it.
final class StandardInput: Sendable {
    private let queue = DispatchQueue(label: "standard input")

    /// The next bytes, empty at the end.
    func read() async -> [UInt8] {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: Self.readNow()) }
        }
    }

    private static func readNow() -> [UInt8] {
        let size = 65536
        while true {
            var result = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                result = Glibc.read(STDIN_FILENO, buffer.baseAddress, size)
                count = max(0, result)
            }
            if result < 0, errno == EINTR { continue }
            return bytes
        }
    }
}
