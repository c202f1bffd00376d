/// `hmm.mirror-register`: a mirror of a whole address space, as in 2017.
public struct MirrorRegister: Verb {
    public var space: UInt32
    public var device: ShortName
    public var leaseMilliseconds: UInt64
    public var acknowledgement: Acknowledgement

    public static let spec = VerbSpec(
        "hmm.mirror-register", .legacy, "Mirror a whole address space on a device, with the events of 2017.",
        arguments: [
            .init("mm", .id, .required, "address space"),
            .init("dev", .name, .required, "device"),
            MirrorCreate.lease, MirrorCreate.acknowledgement,
        ],
        reply: [.init("mirror", "its number")],
        errors: [.noSpaceID, .noDevice, .limit], kernel: "hmm_mirror_register() of 2017", gate: .hmmMirror)

    init(_ a: borrowing Arguments) throws(Failure) {
        space = a.id(0)
        device = a.name
        leaseMilliseconds = a.number(2, default: 5000)
        guard leaseMilliseconds > 0 else { throw MirrorCreate.noLease }
        acknowledgement = a.choice(3, default: .manual)
    }
}
