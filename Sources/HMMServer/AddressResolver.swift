internal import Glibc

/// From a name to all of its addresses.
enum AddressResolver {
    /// Every stream address of the host, both families, each once. Waits for the name service.
    ///
    /// - Throws: `ListenError.unresolvable`.
    static func resolve(_ endpoint: HostPort) throws(ListenError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list)
        guard code == 0 else {
            throw .unresolvable(endpoint.description, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let address = SocketAddress(entry.ai_addr, entry.ai_addrlen), !addresses.contains(address) {
                addresses.append(address)
            }
            next = entry.ai_next
        }
        guard !addresses.isEmpty else { throw .unresolvable(endpoint.description, reason: "it has no address") }
        return addresses
    }
}

/// Why the server cannot listen where it should.
public enum ListenError: Error, Equatable, Sendable, CustomStringConvertible {
    case unresolvable(String, reason: String)
    case unavailable(String, reason: String)

    public var description: String {
        switch self {
        case .unresolvable(let place, let reason): "cannot find \(place): \(reason)"
        case .unavailable(let place, let reason): "cannot listen on \(place): \(reason)"
        }
    }
}
