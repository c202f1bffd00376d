internal import Dispatch
internal import Glibc

/// A process that this one has started and waits for.
public struct ChildProcess: Sendable {
    public let id: Int32
    /// It leads a process group of its own, so that a signal for it reaches what it has started too. Not at a terminal:
    /// there only the group in front may read, and the terminal's signals reach everyone anyway.
    private let leads = isatty(STDIN_FILENO) == 0

    /// Starts a program, found by `PATH`, with our standard streams.
    ///
    /// - Parameters:
    ///   - arguments: the program's name and what follows.
    ///   - environment: all of the child's variables.
    /// - Throws: `SpawnError`.
    public init(_ arguments: [String], environment: [String: String]) throws(SpawnError) {
        guard let program = arguments.first else { throw SpawnError(program: "", reason: "no command") }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // What a server does with its signals must not be handed down.
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        if leads {
            posix_spawnattr_setpgroup(&attributes, 0)
            flags |= POSIX_SPAWN_SETPGROUP
        }
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var started: pid_t = 0
        let code = Self.withCStrings(arguments) { argv in
            Self.withCStrings(environment.map { "\($0.key)=\($0.value)" }) { envp in
                posix_spawnp(&started, program, nil, &attributes, argv, envp)
            }
        }
        guard code == 0 else { throw SpawnError(program: program, reason: String(cString: strerror(code))) }
        id = started
    }

    public func send(signal: Int32) { kill(leads ? -id : id, signal) }

    /// Waits, on a thread of its own. Returns the exit status as a shell would: 128 + n after signal n.
    public func wait() async -> Int32 {
        let id = id
        return await withCheckedContinuation { waiter in
            DispatchQueue(label: "hmmd.child").async {
                var status: Int32 = 0
                while waitpid(id, &status, 0) < 0, errno == EINTR {}
                let signal = status & 0x7f
                waiter.resume(returning: signal == 0 ? (status >> 8) & 0xff : 128 + signal)
            }
        }
    }

    private static func withCStrings<R>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers = strings.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeBufferPointer { buffer in
            // The array holds at least the final nil.
            body(buffer.baseAddress.unsafelyUnwrapped)
        }
    }
}

/// Why a program could not be started.
public struct SpawnError: Error, Equatable, Sendable, CustomStringConvertible {
    public let program: String
    public let reason: String

    public var description: String { "cannot run \(program): \(reason)" }
}
