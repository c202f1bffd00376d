internal import COpenSSL

extension TLSContext {
    /// When a certificate may be used, in seconds since 1970.
    public struct Validity: Equatable, Sendable {
        public var notBefore: Int64
        public var notAfter: Int64

        public func holds(at time: Int64) -> Bool { notBefore <= time && time <= notAfter }
    }

    /// Of the certificate that is shown to whoever asks for no other; nil without one.
    public var validity: Validity? {
        SSL_CTX_get0_certificate(settings).flatMap { Validity(of: $0) }
    }
}

extension TLSSession {
    /// Of the peer's certificate; nil without one.
    public var peerValidity: TLSContext.Validity? {
        peerCertificate.flatMap { TLSContext.Validity(of: $0) }
    }
}

extension TLSContext.Validity {
    fileprivate init?(of certificate: OpaquePointer) {
        guard let notBefore = Self.seconds(X509_get0_notBefore(certificate)),
            let notAfter = Self.seconds(X509_get0_notAfter(certificate))
        else { return nil }
        self.init(notBefore: notBefore, notAfter: notAfter)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var days: Int32 = 0
        var seconds: Int32 = 0
        let epoch = ASN1_TIME_set(nil, 0)
        defer { ASN1_TIME_free(epoch) }
        guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
        return Int64(days) * 86_400 + Int64(seconds)
    }
}
