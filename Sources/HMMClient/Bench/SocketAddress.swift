internal import Glibc

/// Names and addresses, the blocking way.
enum SocketAddress {
    /// A connected socket.
    static func connect(_ endpoint: Endpoint) throws(ClientError) -> Int32 {
        switch endpoint {
        case .tls(let host, let port), .plain(let host, let port): try connect(host, port, endpoint)
        case .unix(let path): try connect(path, endpoint)
        }
    }

    private static func connect(_ host: String, _ port: Int, _ endpoint: Endpoint) throws(ClientError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, "\(port)", &hints, &list)
        guard status == 0 else { throw .cannotConnect("\(endpoint): \(String(cString: gai_strerror(status)))") }
        defer { freeaddrinfo(list) }
        var next = list
        while let entry = next?.pointee {
            let descriptor = socket(
                entry.ai_family, entry.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), entry.ai_protocol)
            if descriptor >= 0, Glibc.connect(descriptor, entry.ai_addr, entry.ai_addrlen) == 0 {
                var yes: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
                return descriptor
            }
            if descriptor >= 0 { Glibc.close(descriptor) }
            next = entry.ai_next
        }
        throw .cannotConnect("\(endpoint): \(String(cString: strerror(errno)))")
    }

    private static func connect(_ path: String, _ endpoint: Endpoint) throws(ClientError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { Glibc.close(descriptor) }
            throw .cannotConnect("\(endpoint): \(reason)")
        }
        return descriptor
    }
}
