/// `file.write`: bytes for a file.
public struct FileWrite: Verb {
    public var file: ShortName
    /// In bytes.
    public var offset: UInt64
    public var data: [UInt8]
    /// What to write instead of `data`; `length` is there with it.
    public var pattern: Pattern?
    /// Nil means the length of `data`.
    public var length: UInt64?

    public static let spec = VerbSpec(
        "file.write", .file, "Write to a file, which grows as needed; every address space that maps it sees it.",
        arguments: [
            .init("file", .name, .required, "the file"),
            .init("offset", .number, .required, "where to begin, in bytes"),
            StoredBytes.data, Pattern.argument, StoredBytes.length,
        ],
        reply: [.init("n", "number of bytes")],
        errors: [.noFile, .outOfMemory, .limit], kernel: "pwrite(2)")

    init(_ a: borrowing Arguments) throws(Failure) {
        file = a.name
        offset = a.number(1)
        data = a.data
        pattern = a.pattern(3)
        length = a.optional(4)
        try StoredBytes.check(hasData: a.has(2), pattern, length)
        try FileRange.check(offset, length ?? UInt64(data.count))
    }
}
