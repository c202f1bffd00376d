internal import CLinux
internal import Glibc

/// A listening socket on an event loop. It accepts as long as there are descriptors, and waits a little when there are
/// none: the kernel keeps whoever is waiting.
final class ListeningSocket: Pollable, @unchecked Sendable {
    private static let backlog: Int32 = 1024
    /// Connections accepted before others on the loop get their turn.
    private static let acceptsPerTurn = 64
    /// After descriptors or memory have run out.
    private static let pause: UInt64 = 100_000_000

    private let descriptor: Int32
    private let loop: EventLoop
    private let accepted: (Int32) -> Void
    private let failed: (SystemError) -> Void
    private var state = State.resting

    private enum State {
        /// Nobody is accepted, until `resume`.
        case resting
        case accepting(EventLoop.Registration)
        case closed
    }

    /// Takes over a bound descriptor. `accepted` gets each connection's descriptor, `failed` hears why none can be
    /// accepted at the moment; both on the loop's thread.
    init(
        _ descriptor: Int32, on loop: EventLoop, accepted: @escaping (Int32) -> Void,
        failed: @escaping (SystemError) -> Void
    ) throws(SystemError) {
        self.descriptor = descriptor
        self.loop = loop
        self.accepted = accepted
        self.failed = failed
        super.init()
        try SystemError.check("listen", listen(descriptor, Self.backlog))
        loop.execute { self.resume() }
    }

    private func resume() {
        guard case .resting = state else { return }
        do throws(SystemError) {
            state = .accepting(try loop.add(self, descriptor, hmm_epoll_in))
        } catch {
            takeBreath(error)
        }
    }

    override func ready(_ events: UInt32) {
        for _ in 0..<Self.acceptsPerTurn {
            let connection = hmm_accept(descriptor, SocketKind.flags)
            if connection >= 0 {
                accepted(connection)
                continue
            }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EAGAIN: return
            default: return takeBreath(SystemError("accept"))
            }
        }
    }

    private func takeBreath(_ error: SystemError) {
        failed(error)
        rest()
        _ = loop.schedule(at: EventLoop.clock() + Self.pause) { [weak self] in self?.resume() }
    }

    private func rest() {
        if case .accepting(let registration) = state { loop.remove(registration, descriptor) }
        state = .resting
    }

    /// Stops listening, from any thread.
    func close() {
        loop.execute {
            self.rest()
            self.state = .closed
            Glibc.close(self.descriptor)
        }
    }
}
