import COpenSSL

/// What a server chooses while it reads a client's first message: certificate and application protocol.
///
/// Filled before the first connection, read-only afterwards.
final class HandshakeChoices: @unchecked Sendable {
    private let protocolList: [UInt8]
    private var contexts: [(settings: OpaquePointer, owned: Bool)] = []

    init(protocolList: [UInt8]) { self.protocolList = protocolList }

    deinit {
        for context in contexts where context.owned { SSL_CTX_free(context.settings) }
    }

    /// Adds a context whose certificate clients can ask for; earlier ones win.
    func add(_ settings: OpaquePointer, owned: Bool) { contexts.append((settings, owned)) }

    func install(in settings: OpaquePointer, requireALPN: Bool) {
        let unowned = Unmanaged.passUnretained(self).toOpaque()
        SSL_CTX_set_alpn_select_cb(settings, selectProtocol, unowned)
        hmm_SSL_CTX_set_tlsext_servername_callback(settings, selectCertificate)
        hmm_SSL_CTX_set_tlsext_servername_arg(settings, unowned)
        // The protocol callback is not called for a client that offers nothing, so absence is looked for earlier.
        if requireALPN { SSL_CTX_set_client_hello_cb(settings, refuseMissingProtocol, nil) }
    }

    fileprivate static func from(_ pointer: UnsafeMutableRawPointer) -> HandshakeChoices {
        Unmanaged.fromOpaque(pointer).takeUnretainedValue()
    }

    /// The context for a server name; nil leaves the default.
    fileprivate func context(for name: UnsafePointer<CChar>) -> OpaquePointer? {
        let rules = UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
        return contexts.first { context in
            X509_check_host(SSL_CTX_get0_certificate(context.settings), name, 0, rules, nil) == 1
        }?.settings
    }

    /// The protocol as a pointer into the client's own list; nil if it is not in there.
    fileprivate func select(from offered: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
        var at = 0
        while at < offered.count {
            let end = at + 1 + Int(offered[at])
            guard end <= offered.count else { return nil }
            if offered[at..<end].elementsEqual(protocolList) {
                return UnsafeBufferPointer(rebasing: offered[(at + 1)..<end])
            }
            at = end
        }
        return nil
    }
}

private func selectCertificate(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let argument, let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
        return SSL_TLSEXT_ERR_NOACK
    }
    guard let settings = HandshakeChoices.from(argument).context(for: name) else { return SSL_TLSEXT_ERR_NOACK }
    if settings != SSL_get_SSL_CTX(ssl) { SSL_set_SSL_CTX(ssl, settings) }
    return SSL_TLSEXT_ERR_OK
}

private func selectProtocol(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredLength: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    let offers = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
    guard let argument, let match = HandshakeChoices.from(argument).select(from: offers) else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    chosen?.pointee = match.baseAddress
    chosenLength?.pointee = UInt8(match.count)
    return SSL_TLSEXT_ERR_OK
}

private func refuseMissingProtocol(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    let kind = UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation)
    if SSL_client_hello_get0_ext(ssl, kind, nil, nil) == 1 { return SSL_CLIENT_HELLO_SUCCESS }
    alert?.pointee = SSL_AD_NO_APPLICATION_PROTOCOL
    return SSL_CLIENT_HELLO_ERROR
}
