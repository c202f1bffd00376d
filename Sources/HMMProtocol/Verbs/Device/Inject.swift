/// `inject`: makes something fail that seldom does.
public struct Inject: Verb {
    public var device: ShortName
    public var failedAllocations: UInt64

    public static let spec = VerbSpec(
        "inject", .device, "Let the next allocations for migrations of a device fail.",
        arguments: [
            .init("dev", .name, .required, "device"),
            .init(
                "fail-alloc", .number, .defaulted("1"),
                "how many: to the device a page stays, for the CPU the access fails, for a huge page small ones are taken; 0 ends it"
            ),
        ],
        reply: [.init("dev", "device"), .init("fail-alloc", "how many will fail")],
        errors: [.noDevice], kernel: "HMM_DMIRROR_FLAG_FAIL_ALLOC of lib/test_hmm.c", roles: .admin)

    init(_ a: borrowing Arguments) {
        device = a.name
        failedAllocations = a.number(1, default: 1)
    }
}
