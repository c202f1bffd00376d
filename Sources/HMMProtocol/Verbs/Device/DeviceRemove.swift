/// `dev.remove`: the end of a device.
public struct DeviceRemove: Verb {
    public var device: ShortName

    public static let spec = VerbSpec(
        "dev.remove", .device,
        "End a device: its memory is evicted to system memory, its regions and its mirrors end.",
        arguments: [.init("dev", .name, .required, "device")],
        reply: [.init("moved", "pages that moved to system memory")] + Invalidating.round(spaceRemains: false),
        errors: [.noDevice, .denied, .outOfMemory, .limit, .timeout, .cancelled],
        kernel: "a driver's remove(); lib/test_hmm.c dmirror_device_remove()")

    init(_ a: borrowing Arguments) { device = a.name }
}
