/// `pending`: the tenant's paused requests and whom they wait for.
public struct Pending: Verb {
    public static let spec = VerbSpec(
        "pending", .session, "Show every paused request of the tenant and which mirrors it waits for.",
        rows: [
            .init("op", "number of the paused request"), .init("verb", "what was asked"),
            .init("session", "connection that asked"), .init("client", "what it called itself with `hello`"),
            .init("tag", "its tag, absent on the untagged lane"),
            .init("mm", "address space"), .init("va", "start of the range it holds or wants"),
            .init("len", "length of that range in bytes"),
            .init("waits-for", "`mirror:event` of each missing ack, at most 16 of them"),
            .init("missing", "number of missing acks"), .init("left", "milliseconds until the next lease ends"),
            .init("asks", "connection whose driver decides what comes back; see `to-ram`"),
            .init("behind", "the paused request whose range it waits for"),
        ],
        reply: [.init("rows", "number of paused requests")])

    init(_ a: borrowing Arguments) {}
}
