/// `file.remove`: a file loses its name.
public struct FileRemove: Verb {
    public var file: ShortName

    public static let spec = VerbSpec(
        "file.remove", .file, "Remove a file; what maps it keeps its contents.",
        arguments: [.init("file", .name, .required, "the file")],
        errors: [.noFile], kernel: "unlink(2)")

    init(_ a: borrowing Arguments) { file = a.name }
}
