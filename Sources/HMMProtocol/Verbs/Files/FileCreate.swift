/// `file.create`: a new file.
public struct FileCreate: Verb {
    public var file: ShortName
    /// In bytes; may be 0.
    public var length: UInt64
    /// What it holds; nil leaves it one hole.
    public var pattern: Pattern?

    public static let spec = VerbSpec(
        "file.create", .file, "Make a file that `mmap` can map; without a pattern it is one hole of zeroes.",
        arguments: [
            .init("file", .name, .required, "its name"),
            .init("len", .number, .required, "its length in bytes, may be 0"),
            Pattern.argument,
        ],
        reply: [.init("file", "its name"), .init("len", "its length in bytes")],
        errors: [.exists, .outOfMemory, .limit], kernel: "open(2) with O_CREAT|O_EXCL, ftruncate(2)")

    init(_ a: borrowing Arguments) throws(Failure) {
        file = a.name
        length = a.number(1)
        pattern = a.pattern(2)
        try FileRange.check(0, length)
        try pattern?.check(length: length)
    }
}
