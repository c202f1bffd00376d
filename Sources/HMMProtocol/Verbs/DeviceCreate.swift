/// `dev.create`: a simulated device.
public struct DeviceCreate: Verb {
    public var device: ShortName

    public static let spec = VerbSpec(
        "dev.create", .device, "Make a device; it has no memory until `region.create` gives it some.",
        arguments: [.init("dev", .name, .required, "its name")],
        reply: [.init("dev", "its name")],
        errors: [.exists, .limit])

    init(_ a: borrowing Arguments) throws(Failure) {
        device = a.name
        if device == ShortName("system") {
            throw Failure(.badArgument, "`system` means system memory and cannot name a device")
        }
    }
}
