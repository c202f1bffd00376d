import COpenSSL

/// A salted hash that is dear to compute, in the form `$scrypt$ln=14,r=8,p=1$SALT$HASH` (RFC 7914; base64 without
/// padding).
public struct ScryptHash: Equatable, Sendable, CustomStringConvertible {
    /// What one computation costs: 128 · r · 2^logN bytes of memory, and time in proportion, p times.
    public struct Cost: Equatable, Sendable {
        public var logN: Int
        public var blockSize: Int
        public var parallelism: Int

        /// 16 MiB, and some 40 ms. Our secrets are 256 random bits: this is for whoever chooses one by hand.
        public static let standard = Cost(logN: 14, blockSize: 8, parallelism: 1)
        /// Bytes that one computation may take.
        public static let mostMemory = 128 << 20

        public init(logN: Int, blockSize: Int, parallelism: Int) {
            self.logN = logN
            self.blockSize = blockSize
            self.parallelism = parallelism
        }

        var isLegal: Bool {
            (10...20).contains(logN) && (1...32).contains(blockSize) && (1...8).contains(parallelism)
                && 128 * blockSize << logN <= Self.mostMemory
        }
    }

    public let cost: Cost
    let salt: [UInt8]
    let digest: [UInt8]

    /// Hashes a secret with a fresh salt.
    ///
    /// - Throws: `TLSError` of kind `internalError`.
    public init(_ secret: [UInt8], cost: Cost = .standard) throws(TLSError) {
        salt = try SecureRandom.bytes(16)
        self.cost = cost
        guard cost.isLegal, let digest = Self.derive(secret, salt, cost, count: 32) else {
            throw .library("cannot compute scrypt")
        }
        self.digest = digest
    }

    /// Nil if the text has another form, is cheaper than it is worth, or dearer than we let it be.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false).map { String($0) }
        guard parts.count == 5, parts[0] == "", parts[1] == "scrypt" else { return nil }
        let names = ["ln=", "r=", "p="]
        let numbers = (parts[2] ?? "").split(separator: ",", omittingEmptySubsequences: false)
        guard numbers.count == 3 else { return nil }
        var values: [Int] = []
        for (name, number) in zip(names, numbers) {
            guard number.hasPrefix(name), number.utf8.count <= 6, let value = Int(number.dropFirst(name.count)) else {
                return nil
            }
            values.append(value)
        }
        cost = Cost(logN: values[0], blockSize: values[1], parallelism: values[2])
        guard cost.isLegal, let salt = Base64.bytes(parts[3] ?? ""), let digest = Base64.bytes(parts[4] ?? ""),
            (8...64).contains(salt.count), (16...64).contains(digest.count)
        else { return nil }
        self.salt = salt
        self.digest = digest
    }

    public var description: String {
        "$scrypt$ln=\(cost.logN),r=\(cost.blockSize),p=\(cost.parallelism)$\(Base64.text(salt))$\(Base64.text(digest))"
    }

    /// Takes as long, whatever the outcome. False as well when there is no memory to find out.
    public func matches(_ secret: [UInt8]) -> Bool {
        guard let other = Self.derive(secret, salt, cost, count: digest.count) else { return false }
        return CRYPTO_memcmp(other, digest, digest.count) == 0
    }

    private static func derive(_ secret: [UInt8], _ salt: [UInt8], _ cost: Cost, count: Int) -> [UInt8]? {
        var result = [UInt8](repeating: 0, count: count)
        let done = secret.withUnsafeBytes { secret in
            EVP_PBE_scrypt(
                secret.baseAddress?.assumingMemoryBound(to: CChar.self), secret.count, salt, salt.count,
                1 << UInt64(cost.logN), UInt64(cost.blockSize), UInt64(cost.parallelism),
                UInt64(Cost.mostMemory + (8 << 20)), &result, count)
        }
        ErrorQueue.clear()
        return done == 1 ? result : nil
    }
}

/// A token for a client without a certificate: a public part, a dot, a secret part.
public struct Token: Sendable {
    public let id: String
    public let secret: String

    /// A fresh one: 60 bits to find it by, 256 bits nobody can guess.
    ///
    /// - Throws: `TLSError` of kind `internalError` without randomness.
    public init() throws(TLSError) {
        let letters = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)
        id = String(decoding: try SecureRandom.bytes(12).map { letters[Int($0 & 31)] }, as: UTF8.self)
        secret = Base64.text(try SecureRandom.bytes(32), isForNames: true)
    }

    public var text: String { "\(id).\(secret)" }
}

/// Base64 of RFC 4648 without padding.
enum Base64 {
    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let forNames = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func text(_ bytes: [UInt8], isForNames: Bool = false) -> String {
        let letters = isForNames ? forNames : standard
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(letters[Int(bits >> count & 63)])
            }
            bits &= (1 << count) - 1
        }
        if count > 0 { text.append(letters[Int(bits << (6 - count) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for other letters, a length there is not, or bits left over that are not 0.
    static func bytes(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for letter in text.utf8 {
            guard let value = standard.firstIndex(of: letter) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(bits >> count))
                bits &= (1 << count) - 1
            }
        }
        return count < 6 && bits == 0 ? bytes : nil
    }
}
