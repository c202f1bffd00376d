import COpenSSL

extension ClientIdentity {
    /// Reads an X.509 certificate, which stays the caller's.
    init(certificate: OpaquePointer) {
        let names = Self.alternativeNames(certificate)
        self.init(
            subjectCommonName: Self.commonName(certificate), uriNames: names.uri, dnsNames: names.dns,
            illegibleURINames: names.illegible, serial: Self.serial(certificate),
            fingerprint: Self.fingerprint(certificate))
    }

    private static func commonName(_ certificate: OpaquePointer) -> String? {
        let subject = X509_get_subject_name(certificate)
        let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard index >= 0, X509_NAME_get_index_by_NID(subject, NID_commonName, index) < 0 else { return nil }
        // The value may be in one of several character sets.
        var text: UnsafeMutablePointer<UInt8>?
        let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index))
        let length = ASN1_STRING_to_UTF8(&text, value)
        defer { hmm_OPENSSL_free(text) }
        guard length >= 0, let text else {
            ErrorQueue.clear()
            return nil
        }
        return string(UnsafeBufferPointer(start: text, count: Int(length)))
    }

    private static func alternativeNames(
        _ certificate: OpaquePointer
    ) -> (uri: [String], dns: [String], illegible: [String]) {
        var names: (uri: [String], dns: [String], illegible: [String]) = ([], [], [])
        guard let extensionValue = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else {
            ErrorQueue.clear()
            return names
        }
        let list = OpaquePointer(extensionValue)
        defer { GENERAL_NAMES_free(list) }
        for index in 0..<hmm_sk_GENERAL_NAME_num(list) {
            var kind: Int32 = 0
            let name = hmm_sk_GENERAL_NAME_value(list, index)
            guard let value = GENERAL_NAME_get0_value(name, &kind), kind == GEN_URI || kind == GEN_DNS else { continue }
            let octets = bytes(value.assumingMemoryBound(to: ASN1_STRING.self))
            switch (string(octets), kind == GEN_URI) {
            case (let uri?, true): names.uri.append(uri)
            case (let dns?, false): names.dns.append(dns)
            case (nil, true): names.illegible.append(String(decoding: octets, as: UTF8.self))
            case (nil, false): break
            }
        }
        return names
    }

    /// Nil if the bytes hold a NUL, which some readers would take for the end of the name.
    private static func string(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static func bytes(_ value: UnsafePointer<ASN1_STRING>?) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: ASN1_STRING_get0_data(value), count: Int(ASN1_STRING_length(value)))
    }

    private static func serial(_ certificate: OpaquePointer) -> String {
        hexadecimal(bytes(X509_get0_serialNumber(certificate)))
    }

    static func fingerprint(_ certificate: OpaquePointer) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(EVP_MAX_MD_SIZE)) { digest in
            var length: UInt32 = 0
            X509_digest(certificate, EVP_sha256(), digest.baseAddress, &length)
            return hexadecimal(UnsafeBufferPointer(rebasing: digest[..<Int(length)]))
        }
    }

    private static func hexadecimal(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
