/// Where a server listens.
public enum Endpoint: Equatable, Sendable, CustomStringConvertible {
    public static let defaultPort = 7423

    /// `hmms://host:port`: TLS from the first byte.
    case tls(host: String, port: Int)
    /// `hmm://host:port`: plain, and therefore to this machine only.
    case plain(host: String, port: Int)
    /// `hmm+unix:///path`: a Unix socket.
    case unix(path: String)

    /// Parses a URI; a bare `host` or `host:port` means TLS.
    ///
    /// - Throws: `options` when it is none of the three forms, or would send plain text over a network.
    public init(_ uri: String) throws(ClientError) {
        let (scheme, rest) = Self.splitScheme(uri)
        switch scheme {
        case "hmm+unix":
            guard rest.hasPrefix("/"), rest.utf8.count < 108 else {
                throw .options("\(uri): a Unix socket is hmm+unix:///path, the path below 108 bytes")
            }
            self = .unix(path: rest)
        case "hmms":
            let (host, port) = try Self.hostAndPort(rest, uri)
            self = .tls(host: host, port: port)
        case "hmm":
            let (host, port) = try Self.hostAndPort(rest, uri)
            guard host == "localhost" || host == "::1" || host.hasPrefix("127.") else {
                throw .options("\(uri): plain text goes to localhost only; use hmms://")
            }
            self = .plain(host: host, port: port)
        default:
            throw .options("\(uri): a server is hmms://host:port, hmm://localhost:port or hmm+unix:///path")
        }
    }

    private static func splitScheme(_ uri: String) -> (scheme: String, rest: String) {
        let bytes = Array(uri.utf8)
        let marker = Array("://".utf8)
        guard let at = bytes.indices.first(where: { bytes[$0...].starts(with: marker) }) else { return ("hmms", uri) }
        return (String(decoding: bytes[..<at], as: UTF8.self), String(decoding: bytes[(at + 3)...], as: UTF8.self))
    }

    private static func hostAndPort(_ text: String, _ uri: String) throws(ClientError) -> (host: String, port: Int) {
        let authority = text.hasSuffix("/") ? text.dropLast() : text[...]
        var host = authority
        var port = defaultPort
        if authority.hasPrefix("["), let close = authority.lastIndex(of: "]") {
            host = authority[..<close].dropFirst()
            port = try Self.port(authority[close...].dropFirst(), uri)
        } else if authority.count(where: { $0 == ":" }) == 1, let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = try Self.port(authority[colon...], uri)
        }
        guard !host.isEmpty, !host.contains("/"), !host.contains("@") else { throw .options("\(uri): no host") }
        return (String(host), port)
    }

    /// Reads what follows a host: nothing, or `:port`.
    private static func port(_ text: Substring, _ uri: String) throws(ClientError) -> Int {
        if text.isEmpty { return defaultPort }
        guard text.hasPrefix(":"), let port = Int(text.dropFirst()), (1...65535).contains(port) else {
            throw .options("\(uri): a port is 1 to 65535")
        }
        return port
    }

    public var description: String {
        switch self {
        case .tls(let host, let port): "hmms://\(Self.bracketed(host)):\(port)"
        case .plain(let host, let port): "hmm://\(Self.bracketed(host)):\(port)"
        case .unix(let path): "hmm+unix://\(path)"
        }
    }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}
