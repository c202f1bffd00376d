import HMMProtocol

@testable import HMMSimulator

/// What processes ask.
extension RandomWorld {
    mutating func askForSpace() throws {
        guard spaces.count < 2 else { return }
        let policy = dice.pick(weighted: [(4, "fence"), (2, "fail"), (1, "wait")])
        try send("mm.create on-expiry=\(policy)", .createSpace(policy: policy), as: processes[0])
    }

    /// Huge worlds have a window of 4 MiB that they often use whole.
    private var hugeBlocks: [UInt64] { [0x200, 0x400] }

    /// Pages of a window; most of them mapped, or there would be nothing but refusals.
    mutating func somePages(_ space: UInt32) -> Range<UInt64> {
        guard dice.chance(75), let model = spaces[space],
            let start = Self.windows.flatMap({ $0 }).filter({ model.pages[$0] != nil }).randomPick(&dice)
        else { return anyPages() }
        var end = start + 1
        let most = start + 1 + UInt64(dice.roll(6))
        while end < most, model.pages[end] != nil { end += 1 }
        return start..<end
    }

    mutating func anyPages() -> Range<UInt64> {
        if isHuge, dice.chance(20) {
            let block = dice.pick(hugeBlocks)
            return dice.chance(70) ? block..<block + 512 : block + 500..<block + 514
        }
        let window = Self.windows[dice.chance(80) ? 0 : 1]
        let start = window.lowerBound + UInt64(dice.roll(window.count))
        return start..<min(window.upperBound, start + 1 + UInt64(dice.roll(6)))
    }

    func extent(_ pages: Range<UInt64>) -> String {
        "0x\(String(pages.lowerBound << 12, radix: 16)) \(pages.count)p"
    }

    mutating func someBytes(_ space: UInt32) -> (va: UInt64, length: UInt64) {
        let pages = somePages(space)
        let length = UInt64(1 + dice.roll(dice.chance(80) ? 16 : 9000))
        return (pages.lowerBound << 12 + UInt64(dice.roll(4096)), length)
    }

    private mutating func someRights() -> SpaceModel.Rights {
        SpaceModel.Rights(dice.pick(weighted: [(8, "rw"), (3, "r"), (1, "none"), (1, "w")]))
    }

    /// What to store at a place, as arguments and as bytes.
    mutating func someData(_ length: UInt64) -> (text: String, bytes: [UInt8]) {
        let first = UInt8(dice.roll(256))
        switch dice.roll(6) {
        case 0: return ("pattern=\(Self.hex([first])) len=\(length)", [UInt8](repeating: first, count: Int(length)))
        case 1:
            return ("pattern=\(Self.hex([first]))+ len=\(length)", Self.bytePlusPage(first, length))
        default:
            let unit = (0...dice.roll(3)).map { _ in UInt8(dice.roll(256)) }
            var bytes: [UInt8] = []
            while bytes.count < length { bytes += unit }
            bytes.removeLast(bytes.count - Int(length))
            return ("hex:\(Self.hex(unit)) len=\(length)", bytes)
        }
    }

    /// What `pattern=HH+` means.
    static func bytePlusPage(_ first: UInt8, _ length: UInt64) -> [UInt8] {
        MemoryModel.pieces(0, length).flatMap { number, range in
            [UInt8](repeating: first &+ UInt8(truncatingIfNeeded: number), count: range.count)
        }
    }

    mutating func processAsks(_ name: String) throws {
        guard let space = spaces.keys.sorted().randomPick(&dice) else { return try askForSpace() }
        switch dice.roll(100) {
        case 0..<13: try map(space, name)
        case 13..<17:
            let pages = anyPages()
            try send("munmap \(space) \(extent(pages))", .unmap(space, pages), as: name)
        case 17..<23:
            let (pages, rights) = (somePages(space), someRights())
            try send("mprotect \(space) \(extent(pages)) \(rights.word)", .protect(space, pages, rights), as: name)
        case 23..<35:
            let (va, length) = someBytes(space)
            try send("read \(space) \(va) \(length) as=hex", .load(space, va: va, length: length), as: name)
        case 35..<50:
            let (va, length) = someBytes(space)
            let data = someData(length)
            try send("write \(space) \(va) \(data.text)", .store(space, va: va, data.bytes), as: name)
        case 50..<55: try migrate(space, somePages(space), name, device: dice.pick(["gpu0", "gpu1"]))
        case 55..<60: try remap(space, name)
        case 60..<71: try advise(space, name)
        case 71..<73: try send("maps \(space)", .areas(space), as: name)
        case 73..<76:
            let pages = somePages(space)
            try send(
                "read \(space) \(extent(pages)) as=pages each=yes", .sweep(space, pages, isAtOnce: true), as: name)
        case 76..<80: try pin(space, name)
        case 80..<90: try askOfFiles(name)
        case 90..<94: try askOfDevices(name)
        case 94: if dice.chance(30) { try send("mm.drop \(space)", .dropSpace(space), as: name) }
        case 95..<97: if spaces.count < 4 { try send("mm.fork \(space)", .fork(space), as: name) }
        case 97: try send("check", .checkState, as: name)
        default: try send("ping", .ping, as: name)
        }
    }

    private mutating func map(_ space: UInt32, _ name: String) throws {
        let kinds = [
            (10, "anon-private"), (3, "anon-shared"), (4, "file-private"), (4, "file-shared"), (1, "io"),
            (isHuge ? 3 : 0, "hugetlb"),
        ]
        var plan = MemoryModel.Plan(kind: dice.pick(weighted: kinds), rights: someRights())
        plan.isFixed = dice.chance(20)
        var pages = anyPages()
        var rest = ""
        switch plan.kind {
        case "file-private", "file-shared":
            guard let file = memory.names.keys.sorted().randomPick(&dice) else { return try askOfFiles(name) }
            plan.file = memory.names[file]
            plan.offset = UInt64(dice.roll(3))
            rest = " file=\(file) offset=\(plan.offset << 12)"
        case "hugetlb":
            let block = dice.pick(hugeBlocks)
            pages = block..<block + 512
        default: break
        }
        if dice.chance(8), plan.kind != "hugetlb" {
            let count = UInt64(1 + dice.roll(2))
            plan.isFixed = false
            return try send(
                "mmap \(space) len=\(count)p \(plan.rights.argument) kind=\(plan.kind)\(rest)",
                .map(space, nil, count: count, plan),
                as: name)
        }
        if plan.isFixed { rest += " fixed=yes" }
        try send(
            "mmap \(space) \(extent(pages)) \(plan.rights.word) kind=\(plan.kind)\(rest)",
            .map(space, pages, count: UInt64(pages.count), plan), as: name)
    }

    private mutating func remap(_ space: UInt32, _ name: String) throws {
        var old = somePages(space)
        if dice.chance(10) { old = old.lowerBound..<old.lowerBound }
        var target: UInt64? = dice.chance(50) ? anyPages().lowerBound : nil
        var count = UInt64(old.count)
        if old.isEmpty || dice.chance(40) { count = UInt64(1 + dice.roll(6)) }
        let keepsOld = !old.isEmpty && dice.chance(15)
        if keepsOld { count = UInt64(old.count) }
        let mayMove = target != nil || keepsOld || dice.chance(70)
        if let place = target, place + count > 0x800_0010 { target = nil }
        var line = "mremap \(space) 0x\(String(old.lowerBound << 12, radix: 16)) \(old.count << 12)"
        if let target { line += " to=0x\(String(target << 12, radix: 16))" }
        if count != old.count { line += " new-len=\(count)p" }
        if keepsOld { line += " dontunmap=yes" }
        if !mayMove { line += " move=no" }
        try send(
            line, .remap(space, .init(old: old, count: count, target: target, keepsOld: keepsOld, mayMove: mayMove)),
            as: name)
    }

    private mutating func advise(_ space: UInt32, _ name: String) throws {
        let advice = dice.pick(weighted: [
            (6, "dontneed"), (2, "free"), (3, "remove"), (isHuge ? 6 : 1, "hugepage"), (1, "nohugepage"),
            (isHuge ? 6 : 1, "collapse"), (1, "dontfork"), (1, "dofork"), (1, "wipeonfork"), (1, "keeponfork"),
            (1, "cold"), (1, "pageout"), (2, "populate-read"), (3, "populate-write"),
        ])
        let pages = somePages(space)
        try send("madvise \(space) \(extent(pages)) \(advice)", .advise(space, pages, advice), as: name)
    }

    private mutating func pin(_ space: UInt32, _ name: String) throws {
        if let pin = pins.keys.sorted().randomPick(&dice), let model = pins[pin], dice.chance(60) || pins.count > 3 {
            return try send("unpin \(pin)", .unpin(pin, pages: model.pages), as: model.owner)
        }
        let pages = somePages(space)
        let write = dice.chance(50)
        let mode = dice.pick(["get", "get-fast", "pin", "pin-fast", "longterm", "longterm-fast"])
        try send(
            "pin \(space) \(extent(pages)) access=\(write ? "w" : "r") mode=\(mode)",
            .pin(space, pages, write: write, isLongTerm: mode.hasPrefix("longterm")), as: name)
    }

    mutating func migrate(_ space: UInt32, _ pages: Range<UInt64>, _ name: String, device: String) throws {
        let asked = Asked.migrate(space, pages, mover: device)
        switch dice.roll(7) {
        case 0: try send("migrate \(space) \(extent(pages)) system", .migrate(space, pages, mover: ""), as: name)
        case 1: try send("migrate \(space) \(extent(pages)) system \(device)", asked, as: name)
        case 2:
            let source = dice.pick(["gpu0", "gpu1"])
            try send(
                "migrate \(space) \(extent(pages)) \(device) \(source)",
                .migrate(space, pages, mover: device, from: source), as: name)
        default: try send("migrate \(space) \(extent(pages)) \(device)", asked, as: name)
        }
    }
}

extension SpaceModel.Rights {
    /// As a named argument.
    fileprivate var argument: String { "prot=\(word)" }
}

extension Array {
    /// One of the elements; nil when there is none.
    func randomPick(_ dice: inout Dice) -> Element? { isEmpty ? nil : dice.pick(self) }
}
