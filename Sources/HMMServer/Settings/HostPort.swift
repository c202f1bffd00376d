/// A host and a TCP port, written `localhost:7423`, `192.0.2.1:7423` or `[::1]:7423`.
public struct HostPort: Equatable, Sendable, CustomStringConvertible {
    /// A name or an address, an IPv6 address without brackets.
    public var host: String
    /// 0 means any free port.
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Nil when the text has another form.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            // Without brackets nobody could tell which colon is the last of the address.
            return nil
        }
        guard !host.isEmpty, !host.utf8.contains(0) else { return nil }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
