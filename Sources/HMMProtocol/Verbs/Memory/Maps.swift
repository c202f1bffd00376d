/// `maps`: the areas of an address space.
public struct Maps: Verb {
    public var space: UInt32

    public static let spec = VerbSpec(
        "maps", .memory, "List the areas of an address space.",
        arguments: [.init("mm", .id, .required, "address space")],
        rows: [
            .init("va", "start"), .init("len", "length in bytes"), .init("prot", "protection"),
            .init("kind", "what is mapped: " + MappingKind.words.map { "`\($0)`" }.joined(separator: ", ")),
            .init("file", "the file, where it has a name"), .init("offset", "where in the file it begins"),
            .init("flags", "what `madvise` has set: `hugepage`, `nohugepage`, `dontfork`, `wipeonfork`, with commas"),
        ],
        reply: [
            .init("rows", "number of areas"), .init("resident", "pages with memory behind them, on any device or none"),
        ],
        errors: [.noSpaceID, .limit], kernel: "/proc/PID/maps, VmFlags of /proc/PID/smaps", roles: .all)

    init(_ a: borrowing Arguments) { space = a.id(0) }
}
