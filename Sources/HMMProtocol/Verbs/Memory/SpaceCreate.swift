/// `mm.create`: a new, empty address space.
public struct SpaceCreate: Verb {
    public var onExpiry: ExpiryPolicy

    public static let spec = VerbSpec(
        "mm.create", .memory, "Make an empty address space.",
        arguments: [
            .init(
                "on-expiry", .choice(["fence", "fail", "wait"]), .defaulted("fence"),
                "when a mirror does not acknowledge within its lease: fence it and go on, fail the request, or wait for ever"
            )
        ],
        reply: [.init("mm", "its number")],
        errors: [.limit], kernel: "mm_alloc()")

    init(_ a: borrowing Arguments) { onExpiry = a.choice(0, default: .fence) }
}

/// What an invalidation round does with a mirror whose lease has run out.
public enum ExpiryPolicy: UInt8, Sendable, CaseIterable {
    /// Fence the mirror and go on.
    case fence
    /// Fail the request that asked; nothing changes.
    case fail
    /// Wait for ever, as the kernel does.
    case wait
}
