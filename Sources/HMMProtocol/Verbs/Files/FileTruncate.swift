/// `file.truncate`: another length for a file.
public struct FileTruncate: Verb {
    public var file: ShortName
    /// In bytes; may be 0.
    public var length: UInt64

    public static let spec = VerbSpec(
        "file.truncate", .file,
        "Set the length of a file; pages beyond its end go away from every address space that maps them.",
        arguments: [
            .init("file", .name, .required, "the file"), .init("len", .number, .required, "its new length in bytes"),
        ],
        reply: [.init("file", "its name"), .init("len", "its length in bytes")]
            + Invalidating.keys("pages dropped", spaceRemains: false),
        errors: [.noFile, .limit, .timeout, .cancelled],
        kernel: "ftruncate(2); unmap_mapping_range(), truncate_inode_pages()")

    init(_ a: borrowing Arguments) throws(Failure) {
        file = a.name
        length = a.number(1)
        try FileRange.check(0, length)
    }
}
