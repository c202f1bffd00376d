internal import Glibc

/// How every socket of the server is made: no call on it waits, and no child process inherits it.
enum SocketKind {
    static let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    static let stream = Int32(SOCK_STREAM.rawValue) | flags
}
