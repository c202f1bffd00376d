import Glibc

/// The directory test certificates are written to.
struct CertificateFolder {
    private let overwrite: Bool

    /// Creates the directory, and those above it, if missing.
    init(_ directory: String, overwrite: Bool) throws(TLSError) {
        self.overwrite = overwrite
        var path = ""
        for part in directory.split(separator: "/", omittingEmptySubsequences: true) {
            path += path.isEmpty && !directory.hasPrefix("/") ? String(part) : "/\(part)"
            if mkdir(path, 0o755) != 0, errno != EEXIST { throw Self.failure(path) }
        }
    }

    /// Also true for a link that leads nowhere.
    static func exists(_ file: String) -> Bool {
        var status = stat()
        return lstat(file, &status) == 0
    }

    static func isAddress(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1
    }

    func write(_ bytes: [UInt8], to file: String, isSecret: Bool) throws(TLSError) {
        // The old file goes first: its mode might let others read, and it might be a link to somewhere else.
        if overwrite, unlink(file) != 0, errno != ENOENT { throw Self.failure(file) }
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, isSecret ? 0o600 : 0o644)
        guard descriptor >= 0 else { throw Self.failure(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = Self.failure(file)
                Glibc.close(descriptor)
                throw error
            }
            rest = rest.dropFirst(count)
        }
        // Delayed errors of the file system show here.
        guard Glibc.close(descriptor) == 0 else { throw Self.failure(file) }
    }

    private static func failure(_ file: String) -> TLSError {
        TLSError(kind: .configuration(file), reason: String(cString: strerror(errno)))
    }
}
