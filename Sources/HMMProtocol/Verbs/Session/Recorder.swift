/// `record`: asks for a file that holds everything the tenant has been asked since its beginning.
public struct Recorder: Verb {
    /// What is to happen to the recording; nil only asks about it.
    public var action: Action?

    public enum Action: UInt8, Sendable, CaseIterable {
        case start
        case stop
    }

    public static let spec = VerbSpec(
        "record", .session,
        "Show, begin or end the recording of the tenant. It holds everything from the tenant's beginning on, so it has to be asked for early.",
        arguments: [
            .init(
                "action", .choice(["start", "stop"]), .optional,
                "`start` answers once the file is there, `stop` once it is whole; neither: only show")
        ],
        reply: [
            .init("state", "`on` or `off`"),
            .init("rule", "the server's for this tenant: `yes` always, `on-request` when a client asks, `no` never"),
            .init("file", "name of the file, in the server's directory"),
            .init(
                "bytes",
                "length of the recording so far; while nobody has asked, what is kept for it: see limit `lookback`"),
            .init(
                "reason",
                "why there is none any more: `late` nobody asked in time, `stopped` a client ended it, `full`, `behind` too fast for the disk, `disk` the disk refused"
            ),
        ],
        errors: [.gated, .state, .limit], roles: [.process, .driver])

    init(_ a: borrowing Arguments) { action = a.has(0) ? a.choice(0, default: .start) : nil }
}
