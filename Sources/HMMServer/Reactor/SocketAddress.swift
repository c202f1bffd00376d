internal import Glibc

/// An Internet address with a port.
struct SocketAddress: Equatable, CustomStringConvertible {
    enum Family: Int32 {
        case v4
        case v6
    }

    private(set) var family: Family
    /// The bytes of a `sockaddr_in` or `sockaddr_in6`.
    private var bytes: [UInt8]

    /// Nil for another family.
    init?(_ address: UnsafePointer<sockaddr>?, _ length: socklen_t) {
        guard let address else { return nil }
        switch Int32(address.pointee.sa_family) {
        case AF_INET where Int(length) >= MemoryLayout<sockaddr_in>.size: family = .v4
        case AF_INET6 where Int(length) >= MemoryLayout<sockaddr_in6>.size: family = .v6
        default: return nil
        }
        bytes = Array(UnsafeRawBufferPointer(start: address, count: Int(length)))
        if family == .v6, let inner = Self.unwrapped(bytes) { (family, bytes) = (.v4, inner) }
    }

    /// A socket of both families has IPv4 addresses as `::ffff:a.b.c.d`. They are the same peers however they came.
    private static func unwrapped(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes[8..<18].allSatisfy({ $0 == 0 }), bytes[18] == 0xff, bytes[19] == 0xff else { return nil }
        var inner = sockaddr_in()
        inner.sin_family = sa_family_t(AF_INET)
        var result = withUnsafeBytes(of: inner) { Array($0) }
        result.replaceSubrange(2..<8, with: bytes[2..<4] + bytes[20..<24])
        return result
    }

    /// The local or the remote end of a socket, as `call`, one of getsockname and getpeername, tells it.
    init?(
        of descriptor: Int32,
        _ call: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32
    ) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let address = withUnsafeMutableBytes(of: &storage) { raw -> SocketAddress? in
            let pointer = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            guard call(descriptor, pointer, &length) == 0 else { return nil }
            return SocketAddress(pointer, length)
        }
        guard let address else { return nil }
        self = address
    }

    /// `::`, which stands for every address.
    var isEveryAddress: Bool { family == .v6 && bytes[8..<24].allSatisfy { $0 == 0 } }

    var domain: Int32 { family == .v4 ? AF_INET : AF_INET6 }

    /// At the same offset in both families.
    var port: UInt16 {
        get { UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }
        set {
            bytes[2] = UInt8(newValue >> 8)
            bytes[3] = UInt8(newValue & 255)
        }
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        bytes.withUnsafeBytes {
            body($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
    }

    /// The address in digits.
    var host: String {
        var text = [CChar](repeating: 0, count: 64)
        return withPointer { address, length in
            let code = getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            return code == 0
                ? String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : "?"
        }
    }

    /// What tells one peer from another.
    var prefix: AddressPrefix {
        let octets = family == .v4 ? bytes[4..<8] : bytes[8..<16]
        return AddressPrefix(family: family, bits: octets.reduce(0) { $0 << 8 | UInt64($1) })
    }

    var description: String { family == .v4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}

/// An IPv4 address, or the half of an IPv6 address that a network has: whoever has one host there has them all.
struct AddressPrefix: Hashable, Sendable {
    let family: SocketAddress.Family
    let bits: UInt64
}
