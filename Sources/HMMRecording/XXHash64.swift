/// XXH64 by Yann Collet: 64 bits that tell two texts apart, at several gigabytes a second. Not against an adversary.
public enum XXHash64 {
    private static let primes: (UInt64, UInt64, UInt64, UInt64, UInt64) = (
        0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63,
        0x27D4_EB2F_1656_67C5
    )

    public static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        var at = 0
        var hash = bytes.count >= 32 ? stripes(bytes, seed, &at) : seed &+ primes.4
        hash &+= UInt64(bytes.count)
        while at + 8 <= bytes.count {
            hash ^= round(0, word(bytes, at))
            hash = rotate(hash, 27) &* primes.0 &+ primes.3
            at += 8
        }
        if at + 4 <= bytes.count {
            let half = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            hash ^= half &* primes.0
            hash = rotate(hash, 23) &* primes.1 &+ primes.2
            at += 4
        }
        while at < bytes.count {
            hash ^= UInt64(bytes[at]) &* primes.4
            hash = rotate(hash, 11) &* primes.0
            at += 1
        }
        return avalanche(hash)
    }

    /// Takes one more number into a hash.
    @inline(__always)
    static func combine(_ hash: UInt64, _ value: UInt64) -> UInt64 {
        avalanche(rotate(hash ^ round(0, value), 27) &* primes.0 &+ primes.3)
    }

    /// Whole stripes of 32 bytes, in four lanes.
    private static func stripes(_ bytes: UnsafeRawBufferPointer, _ seed: UInt64, _ at: inout Int) -> UInt64 {
        var a = seed &+ primes.0 &+ primes.1
        var b = seed &+ primes.1
        var c = seed
        var d = seed &- primes.0
        while at + 32 <= bytes.count {
            a = round(a, word(bytes, at))
            b = round(b, word(bytes, at + 8))
            c = round(c, word(bytes, at + 16))
            d = round(d, word(bytes, at + 24))
            at += 32
        }
        let sum = rotate(a, 1) &+ rotate(b, 7) &+ rotate(c, 12) &+ rotate(d, 18)
        return merge(merge(merge(merge(sum, a), b), c), d)
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
        value &<< count | value &>> (64 &- count)
    }

    @inline(__always)
    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        rotate(lane &+ input &* primes.1, 31) &* primes.0
    }

    @inline(__always)
    private static func merge(_ hash: UInt64, _ lane: UInt64) -> UInt64 {
        (hash ^ round(0, lane)) &* primes.0 &+ primes.3
    }

    @inline(__always)
    private static func avalanche(_ value: UInt64) -> UInt64 {
        var hash = value
        hash ^= hash &>> 33
        hash &*= primes.1
        hash ^= hash &>> 29
        hash &*= primes.2
        return hash ^ hash &>> 32
    }
}
