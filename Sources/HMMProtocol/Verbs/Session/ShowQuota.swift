/// `quota`: what the tenant uses and may use.
public struct ShowQuota: Verb {
    public static let spec = VerbSpec(
        "quota", .session, "Show how much of each resource the tenant uses and may use.",
        rows: [
            .init("name", "the resource"),
            .init("use", "how much is in use; absent where it is not counted"),
            .init("soft", "past it a note goes to whoever has enabled `quota`; or `none`"),
            .init("hard", "past it nothing is given; or `none`"), .init("unit", "unit of the three"),
        ],
        reply: [.init("rows", "number of rows")], kernel: "getrlimit(2), quotactl(2)")

    init(_ a: borrowing Arguments) {}
}
