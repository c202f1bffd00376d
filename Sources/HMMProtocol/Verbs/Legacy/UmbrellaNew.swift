/// `hmm.device-new`: an umbrella over devices, as in 2017.
public struct UmbrellaNew: Verb {
    /// `.none` lets the server choose.
    public var umbrella: ShortName

    public static let spec = VerbSpec(
        "hmm.device-new", .legacy, "Make an umbrella that `dev.create` can put devices under.",
        arguments: [.init("name", .name, .optional, "its name; absent: `hmm-device0` and so on")],
        reply: [.init("umbrella", "its name")],
        errors: [.exists, .limit], kernel: "hmm_device_new() of 2017", export: .gpl)

    init(_ a: borrowing Arguments) { umbrella = a.name }
}
