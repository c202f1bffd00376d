import COpenSSL

/// A new P-256 key.
final class PrivateKey {
    let pointer: OpaquePointer

    init() throws(TLSError) {
        guard let pointer = hmm_EVP_EC_gen("P-256") else { throw .library("cannot make a key") }
        self.pointer = pointer
    }

    deinit { EVP_PKEY_free(pointer) }

    /// PKCS #8, without passphrase.
    func pem() throws(TLSError) -> [UInt8] {
        try PEM.text { PEM_write_bio_PKCS8PrivateKey($0, pointer, nil, nil, 0, nil, nil) }
    }
}

/// Keys and certificates as text.
enum PEM {
    /// Collects what `write` puts into the BIO it is given.
    static func text(_ write: (OpaquePointer) -> Int32) throws(TLSError) -> [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { throw .library("cannot write PEM") }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw .library("cannot write PEM") }
        var start: UnsafeMutablePointer<CChar>?
        let count = hmm_BIO_get_mem_data(bio, &start)
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}

enum SecureRandom {
    static func bytes(_ count: Int) throws(TLSError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, Int32(count)) == 1 else { throw .library("no random numbers") }
        return bytes
    }
}
