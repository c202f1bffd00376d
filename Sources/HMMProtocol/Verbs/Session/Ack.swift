/// `ack`: the mirrors named by these events have let go of their ranges.
public struct Ack: Verb {
    public var first: UInt64
    public var more: [UInt64]

    /// All of them.
    public var events: [UInt64] { [first] + more }

    public static let spec = VerbSpec(
        "ack", .session,
        "Acknowledge events; it overtakes every queued request and has no answer unless a number is unknown.",
        arguments: [.init("event", .numbers, .required, "numbers of `inval` events of this connection")],
        errors: [.noEvent],
        kernel: "return from mmu_interval_notifier_ops.invalidate()")

    init(_ a: borrowing Arguments) {
        first = a.number(0)
        more = a.moreNumbers
    }
}
