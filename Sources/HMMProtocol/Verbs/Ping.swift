/// `ping`: anything heard from the server renews the client's leases.
public struct Ping: Verb {
    public static let spec = VerbSpec(
        "ping", .session, "Answer at once; hearing it, a client knows that its translations still hold.")

    init(_ a: borrowing Arguments) {}
}
