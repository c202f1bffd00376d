internal import Glibc

/// How long a TCP peer may be out of reach before its connection has failed. The kernel asks it when it has been silent
/// for half of that, and answers come from its kernel, whatever its program does.
enum KeepAlive {
    /// - Parameter nanoseconds: 0 leaves the times to the kernel's settings.
    static func set(_ descriptor: Int32, _ nanoseconds: UInt64) {
        SocketKind.set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        guard nanoseconds > 0 else { return }
        let milliseconds = max(1, nanoseconds / 1_000_000)
        let tcp = Int32(IPPROTO_TCP)
        SocketKind.set(descriptor, tcp, TCP_KEEPIDLE, Int32(clamping: max(1, milliseconds / 2000)))
        SocketKind.set(descriptor, tcp, TCP_KEEPINTVL, Int32(clamping: max(1, milliseconds / 8000)))
        // Also for what has been sent and nobody has acknowledged, and while the peer has no room for more.
        SocketKind.set(descriptor, tcp, TCP_USER_TIMEOUT, Int32(clamping: milliseconds))
    }
}
