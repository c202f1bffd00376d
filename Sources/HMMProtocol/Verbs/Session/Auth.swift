/// `auth`: says who a client without a certificate is. The server's shell answers it: there is no tenant yet.
public struct Auth: Verb {
    /// As it was given; not for logs.
    public internal(set) var token: [UInt8]

    public static let spec = VerbSpec(
        "auth", .session, "Show a token; the first request of a client without a certificate, where tokens are used.",
        arguments: [.init("token", .data, .required, "the token, as `hmmd token make` printed it")],
        reply: [.init("tenant", "the tenant the connection belongs to from now on"), .init("role", "what it may do")],
        errors: [.denied, .state])

    init(_ a: borrowing Arguments) { token = a.data }
}
