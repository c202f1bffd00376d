/// `file.read`: bytes of a file.
public struct FileRead: Verb {
    public var file: ShortName
    /// In bytes.
    public var offset: UInt64
    /// In bytes; the answer is shorter where the file ends.
    public var length: UInt64
    public var form: DataForm

    public static let spec = VerbSpec(
        "file.read", .file, "Read from a file, up to its end.",
        arguments: [
            .init("file", .name, .required, "the file"),
            .init("offset", .number, .required, "where to begin, in bytes"),
            .init(
                "len", .length, .required, "bytes, at most one literal; with `as=pages` and `as=ints` at will"),
            DataForm.argument,
        ],
        rows: DataForm.rows(each: false, at: "offset"),
        reply: [.init("n", "number of bytes, fewer than `len` at the end of the file")],
        errors: [.noFile, .limit], kernel: "pread(2)")

    init(_ a: borrowing Arguments) throws(Failure) {
        file = a.name
        offset = a.number(1)
        length = a.number(2)
        form = a.choice(3, default: .automatic)
        try FileRange.check(offset, length)
        try form.check(offset, length, "offset")
    }
}
