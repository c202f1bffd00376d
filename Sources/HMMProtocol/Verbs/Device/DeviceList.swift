/// `dev.list`: the devices and their regions.
public struct DeviceList: Verb {
    public static let spec = VerbSpec(
        "dev.list", .device, "List the devices of the tenant and their regions.",
        rows: [
            .init("dev", "device"), .init("profile", "how it behaves"),
            .init("umbrella", "what it belongs to in the 2017 interface, if anything"),
            .init("region", "a region of it, absent when it has none"),
            .init("kind", "kind of the region"), .init("pfn", "first page frame number"),
            .init("pages", "capacity"), .init("used", "page frames in use"),
        ],
        reply: [.init("rows", "number of rows")], roles: .all)

    init(_ a: borrowing Arguments) {}
}
