extension Operation {
    /// Reads an operation from the words of a line; `malformed` when they are none.
    init(_ words: [String]) {
        var rest = Words(words.dropFirst())
        let name = words.first ?? ""
        do throws(Words.Unfit) {
            let operation = try Self.read(name, &rest)
            self = rest.isEmpty ? operation : .malformed
        } catch {
            self = .malformed
        }
    }

    private static func read(_ name: String, _ words: inout Words) throws(Words.Unfit) -> Operation {
        switch name {
        case "proc": return .makeProcess(try words.word())
        case "exit": return .exit(try words.word())
        case "fork":
            let parent = try words.word()
            let child = try words.word()
            let keeps = words.isEmpty ? nil : try words.word(of: ["keep"])
            return .fork(parent, child: child, keepsMirrors: keeps != nil)
        case "file", "truncate", "file-read": return .file(try FileCall(name, &words))
        default: break
        }
        let process = try words.word()
        if let call = try ProcessCall(name, &words) { return .process(process, call) }
        let mirror = try words.word()
        return .mirror(process, name: mirror, try MirrorCall(name, &words))
    }
}

extension Operation.FileCall {
    fileprivate init(_ name: String, _ words: inout Words) throws(Words.Unfit) {
        let file = try words.word()
        switch name {
        case "file":
            let pages = try words.number()
            self = .create(file, pages: pages, pattern: words.isEmpty ? nil : try words.pattern())
        case "truncate": self = .truncate(file, pages: try words.number())
        default: self = .read(file, try words.pages())
        }
    }
}

extension Operation.ProcessCall {
    private static let advices: Set<String> = [
        "dontneed", "free", "hugepage", "nohugepage", "remove", "dontfork", "wipeonfork", "cold", "pageout",
        "populate-read", "populate-write",
    ]

    /// The words of `gup`, and those of the verb `pin` for them.
    private static let pinModes = [
        "get": "get", "get-fast": "get-fast", "pin-fast-longterm": "longterm-fast", "pin-longterm": "longterm",
    ]

    /// Nil when `name` is no call of a process.
    fileprivate init?(_ name: String, _ words: inout Words) throws(Words.Unfit) {
        switch name {
        case "unpin":
            self = .unpin
            return
        case "open":
            self = .open(mirror: try words.word(), device: try words.number())
            return
        case "mmap", "munmap", "mprotect", "mremap", "madvise", "cpu-write", "cpu-read", "gup", "pin": break
        default: return nil
        }
        let pages = try words.pages()
        switch name {
        case "mmap": self = .map(pages, protection: try words.protection(), try Operation.Backing(&words))
        case "munmap": self = .unmap(pages)
        case "mprotect": self = .protect(pages, try words.protection())
        case "mremap":
            self = .remap(pages, to: try words.number(), count: words.isEmpty ? nil : try words.number())
        case "madvise": self = .advise(pages, try words.word(of: Self.advices))
        case "cpu-write": self = .write(pages, pattern: try words.pattern())
        case "cpu-read": self = .read(pages)
        case "gup":
            guard let mode = Self.pinModes[try words.word()] else { throw Words.Unfit() }
            self = .reference(pages, mode: mode)
        default:
            let writes = words.isEmpty ? nil : try words.word(of: ["w"])
            self = .pin(pages, writes: writes != nil)
        }
    }
}

extension Operation.Backing {
    fileprivate init(_ words: inout Words) throws(Words.Unfit) {
        let kind = try words.word()
        switch kind {
        case "anon-private", "anon-shared", "hugetlb": self = .memory(kind: kind)
        case "file-private", "file-shared":
            self = .file(kind: kind, name: try words.word(), offset: try words.number())
        case "device": self = .device(mirror: try words.word())
        default: throw Words.Unfit()
        }
    }
}

extension Operation.MirrorCall {
    fileprivate init(_ name: String, _ words: inout Words) throws(Words.Unfit) {
        switch name {
        case "close": self = .close
        case "release": self = .release
        case "dev-read": self = .read(try words.pages())
        case "dev-write": self = .write(try words.pages(), pattern: try words.pattern())
        case "to-dev": self = .migrateToDevice(try words.pages())
        case "to-sys": self = .migrateToSystem(try words.pages())
        case "snapshot": self = .snapshot(try words.pages())
        case "exclusive": self = .exclusive(try words.pages())
        case "check-exclusive": self = .checkExclusive(try words.pages())
        default: throw Words.Unfit()
        }
    }
}
