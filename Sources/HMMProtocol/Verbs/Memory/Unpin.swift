/// `unpin`: the end of a `pin`.
public struct Unpin: Verb {
    public var pin: UInt32

    public static let spec = VerbSpec(
        "unpin", .memory, "Let go of what a `pin` holds.",
        arguments: [.init("pin", .id, .required, "number of the pin")],
        reply: [.init("pages", "pages that were held")],
        errors: [.noPin, .denied], kernel: "unpin_user_pages(), put_page()", roles: [.process, .driver])

    init(_ a: borrowing Arguments) { pin = a.id(0) }
}
