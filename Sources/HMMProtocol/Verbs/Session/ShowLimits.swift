/// `limits`: every bound and its reason.
public struct ShowLimits: Verb {
    public static let spec = VerbSpec(
        "limits", .session, "Show every bound, how much of it the tenant uses where that is counted, and its reason.",
        rows: [
            .init("name", "what is bounded"), .init("limit", "the bound"), .init("unit", "its unit"),
            .init("used", "how much is in use"), .init("reason", "why, or of what"),
        ],
        reply: [.init("rows", "number of rows")])

    init(_ a: borrowing Arguments) {}
}
