internal import Glibc

/// The file of a Unix socket that this process listens on.
struct UnixSocketFile: Sendable {
    let path: String
    let descriptor: Int32
    private let device: UInt
    private let inode: UInt

    /// Binds a socket to the path, with the mode from the moment the file exists. A socket file that nobody listens on
    /// is replaced.
    ///
    /// - Throws: `ListenError.unavailable`.
    init(_ configuration: ServerConfiguration.UnixSocket) throws(ListenError) {
        path = configuration.path
        func failure(_ reason: String) -> ListenError { .unavailable(configuration.path, reason: reason) }
        func systemFailure() -> ListenError { failure(String(cString: strerror(errno))) }

        guard let address = Self.address(path) else { throw failure("the path is empty or too long") }
        try Self.removeStale(path, address, failure)
        descriptor = socket(AF_UNIX, SocketKind.stream, 0)
        guard descriptor >= 0 else { throw systemFailure() }
        // Linux gives the new file the mode of the socket, less the umask: nobody can come in between bind and chmod.
        var status = stat()
        guard fchmod(descriptor, configuration.mode) == 0, Self.call(bind, descriptor, address) == 0,
            chmod(path, configuration.mode) == 0, lstat(path, &status) == 0
        else {
            let error = systemFailure()
            close(descriptor)
            throw error
        }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
    }

    /// Removes the file, unless something else has taken its place. To be called while the socket is open: until then
    /// no other file can have got the same number.
    func remove() {
        var status = stat()
        guard lstat(path, &status) == 0, UInt(status.st_dev) == device, UInt(status.st_ino) == inode else { return }
        unlink(path)
    }

    /// Where a socket that somebody else has bound listens; an abstract name begins with `@`.
    static func path(of descriptor: Int32) -> String {
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard code == 0 else { return "?" }
        let offset = MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 2
        var name = withUnsafeBytes(of: address) { Array($0[offset..<max(offset, min(Int(length), $0.count))]) }
        if name.first == 0 { name[0] = UInt8(ascii: "@") }
        return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func removeStale(
        _ path: String, _ address: sockaddr_un, _ failure: (String) -> ListenError
    ) throws(ListenError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw failure("a file that is no socket is in the way") }
        let probe = socket(AF_UNIX, SocketKind.stream, 0)
        guard probe >= 0 else { throw failure(String(cString: strerror(errno))) }
        defer { close(probe) }
        if call(connect, probe, address) == 0 || errno != ECONNREFUSED {
            throw failure("another server listens there")
        }
        unlink(path)
    }

    /// Nil if the path does not fit.
    private static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        return withUnsafeMutableBytes(of: &address.sun_path) { target -> Bool in
            guard !bytes.isEmpty, !bytes.contains(0), bytes.count < target.count else { return false }
            target.copyBytes(from: bytes)
            return true
        } ? address : nil
    }

    private static func call(
        _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ descriptor: Int32, _ address: sockaddr_un
    ) -> Int32 {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
