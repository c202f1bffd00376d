internal import Dispatch
internal import Glibc
internal import Logging
internal import Synchronization

/// Writes lines to a descriptor on a thread of its own: who logs never waits for who reads the log.
///
/// What waits is bounded. Past that lines are dropped, and a line with `dropped=` says so once there is room again.
final class LogWriter: Sendable {
    private struct State {
        var lines: [String] = []
        var bytes = 0
        var dropped = 0
        var isWriting = false
    }

    /// Standard error. What waits there when the process exits is written before it ends.
    static let standardError: LogWriter = {
        // Whoever read the log may have gone. That is no reason to go, too.
        signal(SIGPIPE, SIG_IGN)
        atexit { LogWriter.standardError.flush(seconds: 1) }
        return LogWriter(STDERR_FILENO, bound: 1 << 20)
    }()

    private let descriptor: Int32
    private let bound: Int
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "hmmd.log")
    private let unfinished = DispatchGroup()

    /// - Parameter bound: of the bytes that wait.
    init(_ descriptor: Int32, bound: Int) {
        self.descriptor = descriptor
        self.bound = bound
    }

    /// Takes a line, its end included.
    func write(_ line: String) {
        let isFirst = state.withLock { state in
            guard state.bytes + line.utf8.count <= bound else {
                state.dropped += 1
                return false
            }
            state.lines.append(line)
            state.bytes += line.utf8.count
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if isFirst { queue.async(group: unfinished) { self.writeAll() } }
    }

    /// Waits until everything has been written, at most so long.
    func flush(seconds: Int) { _ = unfinished.wait(timeout: .now() + .seconds(seconds)) }

    private func writeAll() {
        while true {
            let (lines, dropped) = state.withLock { state in
                let taken = (state.lines, state.dropped)
                state = State(isWriting: !taken.0.isEmpty || taken.1 > 0)
                return taken
            }
            if lines.isEmpty, dropped == 0 { return }
            for line in lines { writeOut(line) }
            if dropped > 0 { writeOut(LogfmtHandler.line(.warning, "log lines dropped", ["dropped": "\(dropped)"])) }
        }
    }

    /// One call for the whole line, as long as it is taken as a whole, so that lines of several processes do not mix.
    private func writeOut(_ line: String) {
        var rest = Array(line.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }
}
