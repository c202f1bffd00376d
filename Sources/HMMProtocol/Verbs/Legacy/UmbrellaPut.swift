/// `hmm.device-put`: the end of an umbrella, once nothing is under it.
public struct UmbrellaPut: Verb {
    public var umbrella: ShortName

    public static let spec = VerbSpec(
        "hmm.device-put", .legacy, "Let go of an umbrella; it ends when no device is under it.",
        arguments: [.init("umbrella", .name, .required, "its name")],
        errors: [.noDevice], kernel: "hmm_device_put() of 2017")

    init(_ a: borrowing Arguments) { umbrella = a.name }
}
