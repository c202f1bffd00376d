/// `hello`: says who the client is and switches capabilities on.
public struct Hello: Verb {
    public var client: ShortName
    public var capabilities: Capabilities
    /// Nil when the client says nothing about it.
    public var licence: Licence?

    public static let spec = VerbSpec(
        "hello", .session, "Introduce the client and enable capabilities; optional.",
        arguments: [
            .init("version", .number, .defaulted("1"), "protocol major the client speaks"),
            .init("client", .name, .optional, "a name of its own choice; nothing depends on it"),
            .init(
                "enable", .choices(["lease", "quota"]), .optional,
                "`lease`: a `lease` event when half of a lease has gone; `quota`: a note when the tenant passes a soft quota"
            ),
            .init(
                "licence", .choice(["gpl", "gpl-compatible", "proprietary"]), .optional,
                "the client's licence; `proprietary`: verbs exported to GPL clients are refused"),
        ],
        reply: [
            .init("version", "protocol major in use"), .init("tenant", "the tenant the connection belongs to"),
            .init("session", "name of the connection in `pending`"), .init("role", "what the connection may do"),
        ], kernel: "MODULE_LICENSE()")

    init(_ a: borrowing Arguments) throws(Failure) {
        guard a.number(0, default: 1) == 1 else {
            throw Failure(.badArgument, "this server speaks version 1 only")
        }
        client = a.name
        capabilities = Capabilities(rawValue: UInt8(truncatingIfNeeded: a.number(2)))
        licence = a.has(3) ? a.choice(3, default: .gpl) : nil
    }
}

/// What a client has switched on with `hello enable=`; all off at first.
public struct Capabilities: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let lease = Capabilities(rawValue: 1)
    public static let quota = Capabilities(rawValue: 2)
}

/// The licence a client declares. Kernel: license_is_gpl_compatible().
public enum Licence: UInt8, Sendable, CaseIterable {
    case gpl
    case gplCompatible
    case proprietary
}
