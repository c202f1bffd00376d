internal import Glibc

/// Tells systemd, or whoever speaks its protocol, how the server is: datagrams to the socket in $NOTIFY_SOCKET. See
/// sd_notify(3). Does nothing where nobody asked for it.
public struct ServiceNotifier: Sendable {
    private let address: [UInt8]?
    /// How often a sign of life is expected, in nanoseconds.
    let watchdog: UInt64?

    public init(environment: [String: String]) {
        address = environment["NOTIFY_SOCKET"].flatMap(Self.address)
        // Meant for another process of the service.
        let isForUs = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { UInt64($0) } ?? 0
        watchdog = isForUs && microseconds > 0 && address != nil ? microseconds.multipliedClamped(by: 1000) : nil
    }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(Self.line(status))") }
    func draining() { send("STATUS=draining") }
    /// The end is near: whoever supervises the service begins to count.
    func stopping() { send("STOPPING=1\nSTATUS=stopping") }
    func alive() { send("WATCHDOG=1") }

    /// To be followed by `ready`.
    func reloading() { send("RELOADING=1\nMONOTONIC_USEC=\(EventLoop.clock() / 1000)") }

    /// A variable ends with its line.
    private static func line(_ text: String) -> String { text.split(separator: "\n").joined(separator: "; ") }

    /// The bytes of a `sockaddr_un`: a path, or after `@` an abstract name. Nil for anything else.
    private static func address(_ name: String) -> [UInt8]? {
        var bytes = Array(name.utf8)
        var address = sockaddr_un()
        guard bytes.count > 1, bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0),
            bytes[0] == UInt8(ascii: "/") || bytes[0] == UInt8(ascii: "@")
        else { return nil }
        let isAbstract = bytes[0] == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // An abstract name ends with its last byte, a path with the zero after it.
        let offset = MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 2
        return withUnsafeBytes(of: address) { Array($0.prefix(offset + bytes.count + (isAbstract ? 0 : 1))) }
    }

    /// Nobody there is no failure of ours.
    private func send(_ text: String) {
        guard let address else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | SocketKind.flags, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var text = text
        text.withUTF8 { message in
            address.withUnsafeBytes { target in
                _ = sendto(
                    descriptor, message.baseAddress, message.count, 0,
                    target.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(target.count))
            }
        }
    }
}

extension UInt64 {
    fileprivate func multipliedClamped(by factor: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
