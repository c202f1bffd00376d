internal import CLinux
internal import Glibc

/// Linux's epoll, for many sockets on one thread.
final class Poller {
    private static let room = 256

    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    /// - Throws: `options` when there are no descriptors left.
    init() throws(ClientError) {
        descriptor = hmm_epoll_create()
        guard descriptor >= 0 else { throw .options("epoll: \(String(cString: strerror(errno)))") }
        events = .allocate(capacity: Self.room)
    }

    deinit {
        close(descriptor)
        events.deallocate()
    }

    /// From now on changes of `socket` are told, as `index`.
    func watch(_ socket: Int32, as index: Int) { _ = hmm_epoll_watch_changes(descriptor, socket, UInt64(index)) }

    /// Waits for so long at most and calls `body` with the index of each socket that has changed. Returns their number.
    @discardableResult
    func wait(nanoseconds: UInt64, _ body: (Int) throws(ClientError) -> Void) throws(ClientError) -> Int {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        let count = Int(epoll_pwait2(descriptor, events, Int32(Self.room), &time, nil))
        for index in 0..<max(0, count) { try body(Int(events[index].data.u64)) }
        return count
    }
}
