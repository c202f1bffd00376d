import ArgumentParser
import Glibc
import HMMClient

/// The exit status, and how the command says why.
enum Exit {
    static let refused = ExitCode(1)
    static let cannotConnect = ExitCode(2)
    static let lost = ExitCode(3)
    static let usage = ExitCode(64)

    /// Reports `error` on standard error and returns the status for it.
    static func report(_ error: ClientError) -> ExitCode {
        Terminal.complain("\(error)")
        return switch error {
        case .options: usage
        case .cannotConnect: cannotConnect
        case .connectionLost, .closed, .malformed: lost
        case .refused: refused
        }
    }
}

/// Standard input, output and error.
enum Terminal {
    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    /// Whether standard output shows colours and the user has not said no.
    static var hasColours: Bool {
        if let no = getenv("NO_COLOR"), no.pointee != 0 { return false }
        return isatty(STDOUT_FILENO) == 1 && getenv("TERM").map { String(cString: $0) != "dumb" } ?? false
    }

    /// Columns of the terminal, or 100.
    static var width: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 100
    }

    /// Writes all of it. Nobody to read it ends the program, as it would a shell tool.
    static func write(_ octets: [UInt8], to descriptor: Int32 = STDOUT_FILENO) {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { Glibc.exit(Exit.refused.rawValue) }
            rest = rest.dropFirst(count)
        }
    }

    static func write(_ text: String) { write(Array(text.utf8)) }

    static func complain(_ text: String) { write(Array("hmm-client: \(text)\n".utf8), to: STDERR_FILENO) }
}
