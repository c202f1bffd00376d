/// `mirror`: this connection becomes a device's view of an address space.
public struct MirrorCreate: Verb {
    public var space: UInt32
    public var device: ShortName
    public var extent: Extent
    public var leaseMilliseconds: UInt64
    public var acknowledgement: Acknowledgement

    public static let spec = VerbSpec(
        "mirror", .mirror, "Mirror a range of an address space on a device; its events come to this connection.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("dev", .name, .required, "device"),
            .init("va", .page, .defaulted("0"), "start of the range"),
            .init("len", .pages, .optional, "its length; absent: to the end of the address space"),
            lease, acknowledgement,
        ],
        reply: [
            .init("mirror", "its number"), .init("seq", "its sequence, always odd"),
            .init("lease", "milliseconds it may take to acknowledge"),
        ],
        errors: [.noSpaceID, .noDevice, .limit],
        kernel: "mmu_interval_notifier_insert(); hmm_mirror_register() of 2017", export: .gpl, gate: .hmmMirror)

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        device = a.name
        let va = a.number(2)
        extent = try Extent(checking: va, a.number(3, default: va < Extent.end ? Extent.end - va : 0))
        leaseMilliseconds = a.number(4, default: 5000)
        guard leaseMilliseconds > 0 else { throw Self.noLease }
        acknowledgement = a.choice(5, default: .manual)
    }

    static let lease = ArgumentSpec(
        "lease", .number, .defaulted("5000"), "milliseconds this mirror may take to acknowledge")
    static let acknowledgement = ArgumentSpec(
        "ack", .choice(["manual", "auto"]), .defaulted("manual"),
        "`auto`: an event counts as acknowledged when it is sent")
    static var noLease: Failure { Failure(.badArgument, "`lease` must be at least 1 ms") }
}

/// When an event of a mirror counts as acknowledged.
public enum Acknowledgement: UInt8, Sendable, CaseIterable {
    /// When the client says `ack`.
    case manual
    /// When the event has been sent.
    case automatic
}
