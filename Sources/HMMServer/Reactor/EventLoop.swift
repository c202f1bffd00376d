internal import CLinux
internal import Glibc
internal import Synchronization

/// Something with a file descriptor that an event loop watches.
class Pollable {
    /// The descriptor is ready: `events` are epoll's. On the loop's thread.
    func ready(_ events: UInt32) {}
}

/// One thread with an epoll set, jobs from other threads, and timers.
///
/// Our own and not a library's: the way from a readable socket to the engine and back is most of what a request costs,
/// see docs/decisions/0003-sockets.md.
///
/// Unchecked: `jobs` has a lock; everything else is touched on the loop's thread only, once it runs.
final class EventLoop: @unchecked Sendable {
    /// Where a watched descriptor stands; its generation tells it from an earlier one in the same place.
    struct Registration: Equatable {
        fileprivate let slot: UInt32
        fileprivate let generation: UInt32
    }

    private struct Slot {
        var pollable: Pollable?
        var generation: UInt32 = 0
    }

    private let epoll: Int32
    private let wakeUp: Int32
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var timers = TimerQueue()
    /// Nil once the loop has stopped.
    private let jobs = Mutex<[@Sendable () -> Void]?>([])
    private var isStopping = false
    /// Returns of `epoll_wait`.
    private(set) var round: UInt64 = 0
    /// Somebody shakes hands in this round.
    private var isHandshakeClaimed = false
    /// Nanoseconds to go on polling after the last event before sleeping: shorter answers for more processor time.
    private let spin: UInt64

    /// Makes the loop and its thread.
    ///
    /// - Throws: `SystemError` when the kernel has no descriptors or threads left.
    init(spinNanoseconds: UInt64 = 0) throws(SystemError) {
        spin = spinNanoseconds
        epoll = try SystemError.check("epoll_create1", hmm_epoll_create())
        wakeUp = try SystemError.check("eventfd", hmm_eventfd())
        try SystemError.check(
            "epoll_ctl", hmm_epoll_control(epoll, EPOLL_CTL_ADD, wakeUp, hmm_epoll_in, Self.wakeUpMark))
        try startThread()
    }

    /// Not earlier: whoever can call `execute` must find the descriptor his own, not another's with the same number.
    deinit {
        close(epoll)
        close(wakeUp)
    }

    private static let wakeUpMark = UInt64.max

    /// Monotonic time in nanoseconds.
    static func clock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    // MARK: From any thread

    /// Runs `job` on the loop's thread, soon. False, and ignored, once the loop has stopped.
    @discardableResult
    func execute(_ job: @escaping @Sendable () -> Void) -> Bool {
        let count = jobs.withLock { jobs in
            jobs?.append(job)
            return jobs?.count
        }
        if count == 1 { wake() }
        return count != nil
    }

    /// Returns when everything given so far has been done.
    func hasRun() async {
        await withCheckedContinuation { waiter in
            if !execute({ waiter.resume() }) { waiter.resume() }
        }
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeUp, &one, 8)
    }

    /// Ends the thread after the jobs given so far.
    func stop() { execute { self.isStopping = true } }

    // MARK: On the loop's thread

    func add(_ pollable: Pollable, _ descriptor: Int32, _ events: UInt32) throws(SystemError) -> Registration {
        let slot: UInt32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(slot)].pollable = pollable
        let registration = Registration(slot: slot, generation: slots[Int(slot)].generation)
        guard hmm_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, events, Self.mark(registration)) == 0 else {
            let error = SystemError("epoll_ctl")
            release(registration)
            throw error
        }
        return registration
    }

    func change(_ registration: Registration, _ descriptor: Int32, _ events: UInt32) {
        _ = hmm_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, events, Self.mark(registration))
    }

    /// To be called before the descriptor is closed.
    func remove(_ registration: Registration, _ descriptor: Int32) {
        _ = hmm_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
        release(registration)
    }

    private func release(_ registration: Registration) {
        let index = Int(registration.slot)
        slots[index].pollable = nil
        slots[index].generation &+= 1
        freeSlots.append(registration.slot)
    }

    /// What epoll gives back with an event.
    private static func mark(_ registration: Registration) -> UInt64 {
        UInt64(registration.generation) << 32 | UInt64(registration.slot)
    }

    /// Runs `body` once, at `deadline` or soon after.
    func schedule(at deadline: UInt64, _ body: @escaping () -> Void) -> TimerQueue.Ticket {
        timers.add(deadline, body)
    }

    func cancel(_ ticket: TimerQueue.Ticket) { timers.remove(ticket) }

    /// Runs `body` each `interval` nanoseconds, for as long as the loop lives.
    func scheduleRepeatedly(every interval: UInt64, _ body: @escaping () -> Void) {
        _ = schedule(at: Self.clock() + interval) { [weak self] in
            body()
            self?.scheduleRepeatedly(every: interval, body)
        }
    }

    /// True once in each round: a handshake takes far longer than a request, and everybody else's requests
    /// would wait for all that have come. Whoever is refused is ready in the next round again.
    func claimHandshake() -> Bool {
        defer { isHandshakeClaimed = true }
        return !isHandshakeClaimed
    }

    // MARK: The thread

    private func startThread() throws(SystemError) {
        let loop = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                hmm_name_thread("hmmd-loop")
                Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, loop.toOpaque())
        guard code == 0 else {
            loop.release()
            throw SystemError("pthread_create", code: code)
        }
        pthread_detach(thread)
    }

    private func run() {
        // A round should be short whatever has happened: to close a connection that shakes hands takes 60 microseconds.
        let capacity = 64
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: capacity)
        defer { events.deallocate() }
        while !isStopping {
            let count = wait(events, Int32(capacity))
            round &+= 1
            isHandshakeClaimed = false
            for index in 0..<max(0, Int(count)) { dispatch(events[index]) }
            if !timers.isEmpty { runTimers() }
        }
        jobs.withLock { $0 = nil }
        timers = TimerQueue()
    }

    private func wait(_ events: UnsafeMutablePointer<epoll_event>, _ capacity: Int32) -> Int32 {
        if spin > 0 {
            let end = Self.clock() + spin
            repeat {
                let count = epoll_wait(epoll, events, capacity, 0)
                if count != 0 { return count }
            } while Self.clock() < end
        }
        return epoll_wait(epoll, events, capacity, timeout)
    }

    /// Milliseconds to the next timer, rounded up so that it is due then; -1 without one.
    private var timeout: Int32 {
        guard let next = timers.nextDeadline else { return -1 }
        let now = Self.clock()
        return next <= now ? 0 : Int32(min((next - now + 999_999) / 1_000_000, 60_000))
    }

    @inline(__always)
    private func dispatch(_ event: epoll_event) {
        let mark = event.data.u64
        if mark == Self.wakeUpMark { return runJobs() }
        let index = Int(UInt32(truncatingIfNeeded: mark))
        // An earlier event of this batch may have closed it.
        guard slots[index].generation == UInt32(truncatingIfNeeded: mark >> 32), let pollable = slots[index].pollable
        else { return }
        pollable.ready(event.events)
    }

    private func runJobs() {
        var count: UInt64 = 0
        _ = read(wakeUp, &count, 8)
        var taken: [@Sendable () -> Void] = []
        jobs.withLock { jobs in
            guard let given = jobs else { return }
            taken = given
            jobs = []
        }
        for job in taken { job() }
    }

    private func runTimers() {
        let now = Self.clock()
        // Those set meanwhile have to wait, due or not, or long work that goes on by timer would keep sockets waiting.
        let latest = timers.latest
        while let body = timers.takeDue(now, upTo: latest) { body() }
    }
}

/// A system call that failed.
struct SystemError: Error, Equatable, CustomStringConvertible {
    let call: String
    let code: Int32

    /// The error that `call` has just left in errno.
    init(_ call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    var description: String { "\(call): \(String(cString: strerror(code)))" }

    @discardableResult
    static func check(_ call: String, _ result: Int32) throws(SystemError) -> Int32 {
        if result < 0 { throw SystemError(call) }
        return result
    }
}
