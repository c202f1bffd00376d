internal import CLinux
internal import Glibc

/// A connected stream socket on an event loop. Everything happens on the loop's thread.
final class StreamSocket: Pollable {
    private let descriptor: Int32
    private let loop: EventLoop
    private let input: UnsafeMutableRawBufferPointer
    /// The connection on top; it hears of everything.
    private var owner: ConnectionHandler?
    private var registration: EventLoop.Registration?
    private var watched: UInt32 = 0

    private var pending = UnsentBytes()
    /// Where what waits is counted together with that of other sockets, and how much of it has been.
    var tally: UnsentTally? { didSet { count() } }
    private var counted = 0
    private var isReading = true
    private var hasInputEnded = false
    /// Output ends once `pending` has been sent.
    private var endsOutput = false

    /// A client that has gone is an error here, not a signal for the process.
    private static let noSignal = Int32(MSG_NOSIGNAL)
    /// Reads of one readiness before other connections get their turn, while a literal comes in.
    private static let readsPerTurn = 4
    /// Most bytes read at once that may hold many requests.
    private static let lineBytes = 16384

    /// Takes over `descriptor`, which is closed with the socket. `input` is the loop's buffer for what is read.
    init(_ descriptor: Int32, _ loop: EventLoop, input: UnsafeMutableRawBufferPointer) {
        self.descriptor = descriptor
        self.loop = loop
        self.input = input
    }

    /// Begins to watch the socket for `owner`.
    func open(_ owner: ConnectionHandler) throws(SystemError) {
        self.owner = owner
        watched = hmm_epoll_in
        do throws(SystemError) {
            registration = try loop.add(self, descriptor, watched)
        } catch {
            self.owner = nil
            Glibc.close(descriptor)
            throw error
        }
    }

    var isOpen: Bool { registration != nil }
    /// Bytes that wait for the client to read.
    var unsent: Int { pending.count }

    override func ready(_ events: UInt32) {
        if events & hmm_epoll_out != 0 { sendPending() }
        guard isOpen, events & (hmm_epoll_in | hmm_epoll_hangup | hmm_epoll_error) != 0 else { return }
        if hasInputEnded || !isReading {
            // Nobody reads, so this can only be the end of both directions.
            if events & (hmm_epoll_hangup | hmm_epoll_error) != 0 { fail(ECONNRESET) }
            return
        }
        receive()
    }

    // MARK: Input

    private func receive() {
        if owner?.phase == .handshaking, !loop.claimHandshake() { return }
        for _ in 0..<Self.readsPerTurn where isOpen && isReading {
            let room = owner?.expectsLiteral == true ? input.count : Self.lineBytes
            let count = recv(descriptor, input.baseAddress, room, 0)
            if count > 0 {
                owner?.received(UnsafeRawBufferPointer(rebasing: input[..<count]))
                if count < room || owner?.expectsLiteral != true { return }
            } else if count == 0 {
                hasInputEnded = true
                watch()
                owner?.inputEnded()
                return
            } else if errno != EINTR {
                if errno != EAGAIN { fail(errno) }
                return
            }
        }
    }

    /// Reads on, or leaves what comes to the kernel.
    func setReading(_ wanted: Bool) {
        guard wanted != isReading else { return }
        isReading = wanted
        watch()
    }

    // MARK: Output

    /// Sends bytes, or keeps what the kernel has no room for.
    func send(_ bytes: UnsafeRawBufferPointer) {
        guard isOpen else { return }
        var rest = bytes
        while rest.count > 0, pending.isEmpty {
            let count = transmit(rest)
            if count < 0 { return fail(errno) }
            if count == 0 { break }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        guard rest.count > 0 else { return }
        pending.append(rest)
        count()
        watch()
    }

    private func count() {
        tally?.change(by: unsent - counted)
        counted = unsent
    }

    /// Returns how many bytes the kernel took, 0 if it has no room, less if the connection has failed.
    private func transmit(_ bytes: UnsafeRawBufferPointer) -> Int {
        while true {
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Self.noSignal)
            if count >= 0 { return count }
            if errno != EINTR { return errno == EAGAIN ? 0 : -1 }
        }
    }

    private func sendPending() {
        var failure: Int32?
        let isDone = pending.drain { bytes in
            let count = transmit(bytes)
            if count < 0 { failure = errno }
            return count
        }
        count()
        if let failure { return fail(failure) }
        guard isDone else { return }
        if endsOutput { shutdown(descriptor, Int32(SHUT_WR)) }
        watch()
        owner?.outputDrained()
    }

    /// Ends the output after everything sent so far.
    func endOutput() {
        guard isOpen, !endsOutput else { return }
        endsOutput = true
        if unsent == 0 { shutdown(descriptor, Int32(SHUT_WR)) }
    }

    // MARK: End

    private func watch() {
        guard let registration else { return }
        let wanted =
            (isReading && !hasInputEnded ? hmm_epoll_in : 0) | (unsent > 0 ? hmm_epoll_out : 0)
        guard wanted != watched else { return }
        watched = wanted
        loop.change(registration, descriptor, wanted)
    }

    private func fail(_ code: Int32) {
        owner?.transportFailed(SystemError("socket", code: code))
        close()
    }

    /// Closes at once; what has not been sent is lost.
    func close() {
        guard let registration else { return }
        loop.remove(registration, descriptor)
        self.registration = nil
        Glibc.close(descriptor)
        pending.removeAll()
        count()
        let owner = owner
        self.owner = nil
        owner?.transportClosed()
    }
}
