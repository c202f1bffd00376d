internal import Glibc
internal import Synchronization

/// Sockets that whoever started us has bound: socket activation, as in sd_listen_fds(3). Each has a name that says what
/// it is for; none is given to two.
public final class InheritedSockets: Sendable {
    /// What a socket can be for, named as in `FileDescriptorName=` of a unit.
    enum Purpose: String, CaseIterable {
        case tls, unix, admin, metrics
    }

    private static let first: Int32 = 3

    private let left: Mutex<[(purpose: Purpose, descriptor: Int32)]>

    /// None.
    public init() { left = Mutex([]) }

    /// Takes what $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES tell of.
    ///
    /// - Throws: `ListenError` for a name nobody knows, and for what is no socket that can listen for that.
    public init(environment: [String: String]) throws(ListenError) {
        guard environment["LISTEN_PID"] == "\(getpid())", let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }),
            count > 0
        else {
            left = Mutex([])
            return
        }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        var sockets: [(purpose: Purpose, descriptor: Int32)] = []
        for index in 0..<min(count, 64) {
            let name = Int(index) < names.count ? String(names[Int(index)]) : ""
            let expected = Purpose.allCases.map(\.rawValue).joined(separator: ", ")
            guard let purpose = Purpose(rawValue: name) else {
                throw .unavailable("the inherited socket '\(name)'", reason: "its name must be one of \(expected)")
            }
            let descriptor = Self.first + index
            guard Self.fits(descriptor, purpose) else {
                throw .unavailable(
                    "the inherited socket '\(name)'", reason: "it is no stream socket of the right family")
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            sockets.append((purpose, descriptor))
        }
        left = Mutex(sockets)
    }

    /// The sockets for a purpose, which are the caller's from now on.
    func take(_ purpose: Purpose) -> [Int32] {
        left.withLock { left in
            defer { left.removeAll { $0.purpose == purpose } }
            return left.filter { $0.purpose == purpose }.map(\.descriptor)
        }
    }

    /// What nobody has taken.
    var unused: [String] { left.withLock { $0.map(\.purpose.rawValue) } }

    private static func fits(_ descriptor: Int32, _ purpose: Purpose) -> Bool {
        var kind: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &length) == 0, kind == Int32(SOCK_STREAM.rawValue),
            getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &kind, &length) == 0
        else { return false }
        switch purpose {
        case .tls, .metrics: return kind == AF_INET || kind == AF_INET6
        case .unix, .admin: return kind == AF_UNIX
        }
    }
}
