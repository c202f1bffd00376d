/// `dev.create`: a simulated device.
public struct DeviceCreate: Verb {
    public var device: ShortName
    public var profile: ProfileName
    /// Bytes, whole pages, by which the device's memory grows when it is full; nil means that it does not grow.
    public var chunk: UInt64?
    /// A device of the 2017 interface that this one belongs to; `.none` without one.
    public var umbrella: ShortName
    /// Who brings a page back that the CPU needs.
    public var toRAM: Decider
    /// Tell the device's mirrors when page frames of its memory become free.
    public var freeEvents: Bool
    /// How long the device keeps trying to fault a range that is being invalidated, and the client may take to decide.
    public var deadlineMilliseconds: UInt64
    /// It outlives the connection that made it.
    public var persists: Bool

    public static let spec = VerbSpec(
        "dev.create", .device, "Make a device; it has no memory until `region.create` gives it some.",
        arguments: [
            .init("dev", .name, .required, "its name"),
            .init(
                "profile", .choice(["default", "dmirror"]), .defaulted("default"),
                "how it behaves where drivers differ; `dmirror`: as the kernel's test driver"),
            .init("chunk", .pages, .optional, "memory added when it is full; absent: it does not grow"),
            .init("umbrella", .name, .optional, "what `hmm.device-new` has made, for a device of the 2017 interface"),
            .init(
                "to-ram", .choice(["server", "client"]), .defaulted("server"),
                "who decides what comes back when the CPU needs a page; `client`: a `to-ram` event asks"),
            .init(
                "free-events", .flag, .defaulted("no"), "`yes`: a `freed` event when page frames of it become free"),
            .init("deadline", .number, .defaulted("1000"), "milliseconds it tries for, and waits for the client"),
            .init("persist", .flag, .defaulted("yes"), "`no`: it goes with this connection"),
        ],
        reply: [.init("dev", "its name")],
        errors: [.exists, .noDevice, .limit], kernel: "a driver's probe(); lib/test_hmm.c dmirror_device_init()")

    init(_ a: borrowing Arguments) throws(Failure) {
        device = a.name
        profile = a.choice(1, default: .default)
        chunk = a.optional(2)
        umbrella = a.secondName
        toRAM = a.choice(4, default: .server)
        freeEvents = a.flag(5)
        deadlineMilliseconds = a.number(6, default: 1000)
        persists = !a.has(7) || a.flag(7)
        if device == ShortName("system") {
            throw Failure(.badArgument, "`system` means system memory and cannot name a device")
        }
        guard deadlineMilliseconds > 0 else { throw Failure(.badArgument, "`deadline` must be at least 1 ms") }
    }
}

/// How a device behaves where drivers differ.
public enum ProfileName: UInt8, Sendable, CaseIterable {
    case `default`
    /// As lib/test_hmm.c.
    case dmirror
}

/// Who decides which pages come back when the CPU needs one of a device's memory.
public enum Decider: UInt8, Sendable, CaseIterable {
    case server
    case client
}
