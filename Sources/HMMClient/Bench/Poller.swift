internal import Glibc

/// Linux's epoll, which the Swift module of the C library leaves out.
final class Poller {
    private typealias Create = @convention(c) (_ flags: Int32) -> Int32
    private typealias Control =
        @convention(c) (
            _ poller: Int32, _ operation: Int32, _ descriptor: Int32, _ event: UnsafeMutableRawPointer
        ) -> Int32
    private typealias Wait =
        @convention(c) (
            _ poller: Int32, _ events: UnsafeMutableRawPointer, _ room: Int32, _ time: UnsafePointer<timespec>,
            _ signals: UnsafeRawPointer?
        ) -> Int32

    /// `struct epoll_event` is packed on x86-64 only: a word of flags, then 64 bits of the user's.
    private static let dataOffset: Int = {
        #if arch(x86_64)
        4
        #else
        8
        #endif
    }()
    private static let eventSize = dataOffset + 8
    private static let room = 256
    private static let closeOnExec: Int32 = 0o2000000
    private static let add: Int32 = 1
    /// Readable, writable, and told once a change.
    private static let flags: UInt32 = 0x001 | 0x004 | 1 << 31

    private let descriptor: Int32
    private let control: Control
    private let wait: Wait
    private let events: UnsafeMutableRawBufferPointer

    /// - Throws: `options` where the system has no epoll, or not its call with a time in nanoseconds (Linux 5.11).
    init() throws(ClientError) {
        guard let create = dlsym(nil, "epoll_create1"), let control = dlsym(nil, "epoll_ctl"),
            let wait = dlsym(nil, "epoll_pwait2")
        else { throw .options("a bench needs Linux with epoll_pwait2") }
        self.control = unsafeBitCast(control, to: Control.self)
        self.wait = unsafeBitCast(wait, to: Wait.self)
        descriptor = unsafeBitCast(create, to: Create.self)(Self.closeOnExec)
        guard descriptor >= 0 else { throw .options("epoll: \(String(cString: strerror(errno)))") }
        events = .allocate(byteCount: Self.room * Self.eventSize, alignment: 16)
    }

    deinit {
        close(descriptor)
        events.deallocate()
    }

    /// From now on changes of `socket` are told, as `index`.
    func watch(_ socket: Int32, as index: Int) {
        withUnsafeTemporaryAllocation(byteCount: Self.eventSize, alignment: 16) { event in
            event.storeBytes(of: Self.flags, as: UInt32.self)
            event.storeBytes(of: UInt64(index), toByteOffset: Self.dataOffset, as: UInt64.self)
            if let base = event.baseAddress { _ = control(descriptor, Self.add, socket, base) }
        }
    }

    /// Waits for so long at most and calls `body` with the index of each socket that has changed. Returns their number.
    @discardableResult
    func wait(nanoseconds: UInt64, _ body: (Int) throws(ClientError) -> Void) throws(ClientError) -> Int {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        guard let base = events.baseAddress else { return 0 }
        let count = Int(wait(descriptor, base, Int32(Self.room), &time, nil))
        for index in 0..<max(0, count) {
            let offset = index * Self.eventSize + Self.dataOffset
            try body(Int(events.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        }
        return max(0, count)
    }
}
