/// The keys that every answer to an invalidating verb shares.
enum Invalidating {
    static func keys(_ pages: String, spaceRemains: Bool = true) -> [VerbSpec.Key] {
        [.init("pages", pages)] + round(spaceRemains: spaceRemains)
    }

    /// How the announcements went.
    static func round(spaceRemains: Bool = true) -> [VerbSpec.Key] {
        [
            .init("acked", "mirrors that let go, counted once for each announcement"),
            .init("fenced", "mirrors fenced because their lease ran out"),
        ] + (spaceRemains ? [.init("seq", "sequence of the address space afterwards")] : [])
    }
}

/// The keys of a run of pages with equal state.
enum PageRows {
    static let keys: [VerbSpec.Key] = [
        .init("va", "address of the first page of a run of pages with equal state"),
        .init("pages", "length of the run"),
        .init(
            "kind",
            "`none` nothing there, `zero` the zero page, `ram` system memory, `private` memory of this mirror's device, `coherent` memory of a device that the CPU can address, `error` nothing a device may use"
        ),
        .init("perm", "`r` or `rw`; absent with `none` and `error`"),
        .init("dev", "device whose memory it is, with `coherent`"),
        .init(
            "pfn",
            "page frame numbers of the run: `first` or `first+count`, separated by commas; with `ram`, `private` and `coherent` only"
        ),
        .init("order", "`9` where a mapping of 2 MiB holds the pages; absent for 0"),
    ]
}

/// The keys of an answer that says what became of pages that were to move.
enum Moves {
    static let rows: [VerbSpec.Key] = [
        .init("va", "address of the first page of a run with equal outcome"),
        .init("pages", "length of the run"),
        .init("result", "`moved` or `stayed`"),
        .init("kind", "where moved pages are now: `private`, `coherent` or `ram`"),
        .init("pfn", "page frame numbers of moved pages, as in `fault`"),
        .init("reason", reason),
    ]

    static let reason =
        "why pages stayed: `no-space`, `already-there`, `other-device`, `in-system-memory`, `empty`, `pinned`, `exclusive`, `file-backed`, `huge`, `not-copied`, `migrating`"

    static let counts: [VerbSpec.Key] = [.init("moved", "pages that moved"), .init("stayed", "pages that stayed")]
}
