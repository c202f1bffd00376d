/// `config`: features that a kernel may be built without, and who may use what is exported to GPL clients.
public struct Config: Verb {
    /// Features to switch off; nil leaves them.
    public var without: Features?
    public var enforcesLicence: Bool?

    public static let spec = VerbSpec(
        "config", .session,
        "Show or narrow what the tenant may use, as a kernel's configuration does; what the server lacks stays off.",
        arguments: [
            .init(
                "without", .choices(Features.words), .optional,
                "features to switch off for the tenant, for as long as it exists"),
            .init(
                "enforce-licence", .flag, .optional,
                "`yes`: verbs exported to GPL clients are refused to those that declare another licence"),
        ],
        reply: [
            .init("hmm-mirror", "`y` or `n`"), .init("device-private", "`y` or `n`"),
            .init("device-public", "`y` or `n`"), .init("enforce-licence", "`yes` or `no`"),
        ], kernel: "Kconfig: HMM_MIRROR, DEVICE_PRIVATE, DEVICE_PUBLIC; EXPORT_SYMBOL_GPL", roles: .admin)

    init(_ a: borrowing Arguments) {
        without = a.has(0) ? Features(rawValue: UInt8(truncatingIfNeeded: a.number(0))) : nil
        enforcesLicence = a.has(1) ? a.flag(1) : nil
    }
}

/// Features that a server may lack. Kernel: options of Kconfig.
public struct Features: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let hmmMirror = Features(rawValue: 1)
    public static let devicePrivate = Features(rawValue: 2)
    public static let devicePublic = Features(rawValue: 4)
    public static let all: Features = [.hmmMirror, .devicePrivate, .devicePublic]

    /// In the order of the bits.
    public static let words = ["hmm-mirror", "device-private", "device-public"]

    /// What a gate asks for.
    public init(_ gate: Gate) {
        switch gate {
        case .hmmMirror: self = .hmmMirror
        case .devicePrivate: self = .devicePrivate
        case .devicePublic: self = .devicePublic
        }
    }
}
