/// `ping`: its answer renews the client's leases as of the time the client asked.
public struct Ping: Verb {
    public static let spec = VerbSpec(
        "ping", .session, "Answer at once; hearing it, a client knows that its translations still hold.")

    init(_ a: borrowing Arguments) {}
}
