/// `check`: the tenant's state is held against the rules it must follow.
public struct Check: Verb {
    public static let spec = VerbSpec(
        "check", .session, "Check every rule that the tenant's memory, devices and mirrors have to follow.",
        rows: [.init("text", "a rule that is broken, and where: please report it")],
        reply: [.init("violations", "number of broken rules, 0 unless the server has a defect")],
        roles: .admin)

    init(_ a: borrowing Arguments) {}
}
