import COpenSSL

/// Knows secrets again without keeping them: HMAC-SHA-256 under a key that only this process has. It costs little, and
/// what it makes is worth nothing to whoever has not the key.
public struct KeyedHash: Sendable {
    private let key: [UInt8]

    /// Draws a key.
    ///
    /// - Throws: `TLSError` of kind `internalError` without randomness.
    public init() throws(TLSError) { key = try SecureRandom.bytes(32) }

    /// Nil without memory.
    public func mark(of secret: [UInt8]) -> Mark? {
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard HMAC(EVP_sha256(), key, Int32(key.count), secret, secret.count, &bytes, &count) != nil else {
            ErrorQueue.clear()
            return nil
        }
        return Mark(bytes: Array(bytes.prefix(Int(count))))
    }

    /// What a secret is known by. Two are compared in constant time.
    public struct Mark: Equatable, Sendable {
        let bytes: [UInt8]

        public static func == (one: Mark, other: Mark) -> Bool {
            one.bytes.count == other.bytes.count && CRYPTO_memcmp(one.bytes, other.bytes, one.bytes.count) == 0
        }
    }
}
