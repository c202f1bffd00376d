internal import Glibc

/// How every socket of the server is made: no call on it waits, and no child process inherits it.
enum SocketKind {
    static let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    static let stream = Int32(SOCK_STREAM.rawValue) | flags

    /// An option of a socket, at `level`.
    static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
