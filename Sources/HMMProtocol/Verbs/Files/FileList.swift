/// `file.list`: the files of the tenant.
public struct FileList: Verb {
    public static let spec = VerbSpec(
        "file.list", .file, "List the files of the tenant.",
        rows: [
            .init("file", "its name"), .init("len", "its length in bytes"),
            .init("pages", "pages of it in memory"), .init("maps", "areas that map it"),
        ],
        reply: [.init("rows", "number of files")], errors: [.limit], kernel: "getdents(2), mincore(2)",
        roles: .all)

    init(_ a: borrowing Arguments) {}
}
