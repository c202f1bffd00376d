/// `pin`: references to page frames, as a driver takes them before it hands them to hardware.
public struct Pin: Verb {
    public var space: UInt32
    public var extent: Extent
    /// `.read` or `.write`.
    public var access: FaultAccess
    public var mode: PinMode

    public static let spec = VerbSpec(
        "pin", .memory, "Fault a range in and hold its page frames; pages that are held do not move.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("va", .page, .required, "start"),
            .init("len", .length, .required, "how much, rounded up to pages"),
            .init("access", .choice(["r", "w"]), .defaulted("r"), "access the holder needs"),
            .init(
                "mode", .choice(["get", "get-fast", "pin", "pin-fast", "longterm", "longterm-fast"]),
                .defaulted("longterm"),
                "`get` references, `pin` pins, `longterm` pins that keep nothing in a device's memory; `-fast`: without the lock of the address space where the pages are present"
            ),
        ],
        reply: [.init("pin", "its number")] + Invalidating.keys("pages held"),
        errors: [.noSpaceID, .notMapped, .busError, .permission, .outOfMemory, .limit, .timeout, .cancelled],
        kernel: "get_user_pages(), get_user_pages_fast(), pin_user_pages(), pin_user_pages_fast(); FOLL_LONGTERM",
        roles: [.process, .driver])

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        extent = try a.extent(1, 2)
        access = a.choice(3, default: .read)
        mode = a.choice(4, default: .longterm)
    }
}

/// How page frames are held.
public enum PinMode: UInt8, Sendable, CaseIterable {
    /// A reference. Kernel: FOLL_GET.
    case get
    case getFast
    /// A pin: somebody accesses the contents. Kernel: FOLL_PIN.
    case pin
    case pinFast
    /// A pin for an unknown time. Kernel: FOLL_PIN|FOLL_LONGTERM.
    case longterm
    case longtermFast
}
