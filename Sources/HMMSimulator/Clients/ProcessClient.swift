/// A process: it maps, unmaps, loads, stores, forks and exits, and cares for no device.
final class ProcessClient: Client {
    private var pins: [UInt32] = []
    let usesHugePages: Bool

    init(_ name: String, _ board: Board, _ dice: Dice, usesHugePages: Bool) {
        self.usesHugePages = usesHugePages
        super.init(name, board, dice)
    }

    override func act() {
        guard let space = some(board.spaces), board.spaces.count > 1 || !dice.chance(5) else { return makeSpace() }
        switch dice.roll(100) {
        case 0..<20: map(space)
        case 20..<27:
            let pages = board.anyPages(&dice)
            send("munmap \(space) \(Self.extent(pages))", .unmap(space, pages))
        case 27..<33:
            let rights = dice.pick(weighted: [(8, "rw"), (4, "r"), (2, "none"), (1, "w")])
            send("mprotect \(space) \(Self.extent(board.somePages(space, &dice))) \(rights)")
        case 33..<44:
            let (va, length) = someBytes(space)
            send("read \(space) \(va) \(length) as=hex")
        case 44..<60:
            let (va, length) = someBytes(space)
            send("write \(space) \(va) \(someData(length))")
        case 60..<66: remap(space)
        case 66..<74: advise(space)
        case 74..<78: pinOrUnpin(space)
        case 78..<88: askOfFiles()
        case 88..<91: if board.spaces.count < 5 { send("mm.fork \(space)", .fork(space)) }
        case 91: if dice.chance(50) { send("mm.drop \(space)", .dropSpace(space)) }
        case 92: send(dice.chance(70) ? "maps \(space)" : "record")
        case 93: send("pagemap \(space) \(Self.extent(board.somePages(space, &dice)))")
        case 94: send("read \(space) \(Self.extent(board.somePages(space, &dice))) as=pages each=yes")
        case 95..<98: migrate(space)
        case 98: if dice.chance(40) { send("mm.reap \(space)") }
        default: send("ping")
        }
    }

    private func makeSpace() {
        let policy = dice.pick(weighted: [(5, "fence"), (2, "fail"), (2, "wait")])
        send("mm.create on-expiry=\(policy)", .createSpace)
    }

    private func map(_ space: UInt32) {
        let kind = dice.pick(weighted: [
            (12, "anon-private"), (4, "anon-shared"), (2, "file-private"), (4, "file-shared"), (1, "io"),
        ])
        if dice.chance(usesHugePages ? 20 : 1) {
            let place = dice.chance(60) ? " va=0x200000" : ""
            return send("mmap \(space)\(place) len=2m kind=hugetlb", .map(space))
        }
        let rights = dice.pick(weighted: [(9, "rw"), (2, "r"), (1, "none")])
        var line = "mmap \(space) \(Self.extent(board.anyPages(&dice))) \(rights) kind=\(kind)"
        let isPlaced = !dice.chance(8)
        if !isPlaced { line = "mmap \(space) len=\(1 + dice.roll(6))p prot=\(rights) kind=\(kind)" }
        if kind.hasPrefix("file") {
            guard let file = some(board.files) else { return askOfFiles() }
            line += " file=\(file) offset=\(dice.roll(3) << 12)"
        }
        if isPlaced, dice.chance(30) { line += " fixed=yes" }
        send(line, .map(space))
        if usesHugePages, dice.chance(25) {
            send("mmap \(space) 0x200000 2m rw fixed=yes", .map(space), untagged: true)
            send("madvise \(space) 0x200000 2m hugepage", untagged: true)
            send("write \(space) 0x200000 pattern=11+ len=\(1 + dice.roll(3))p", untagged: true)
        }
    }

    private func remap(_ space: UInt32) {
        let old = board.somePages(space, &dice)
        var line = "mremap \(space) 0x\(String(old.lowerBound << 12, radix: 16)) \(old.count)p"
        if dice.chance(60) { line += " to=0x\(String(board.anyPages(&dice).lowerBound << 12, radix: 16))" }
        if dice.chance(30) {
            line += " new-len=\(1 + dice.roll(6))p"
        } else if dice.chance(10) {
            line += " dontunmap=yes"
        }
        if dice.chance(15) {
            line = "mremap \(space) \(Self.extent(old)) new-len=\(old.count + 1 + dice.roll(6))p move=no"
        }
        send(line, .map(space))
    }

    private func advise(_ space: UInt32) {
        let advice = dice.pick(weighted: [
            (6, "dontneed"), (1, "free"), (3, "remove"), (1, "nohugepage"), (1, "dontfork"), (1, "dofork"),
            (1, "wipeonfork"), (1, "keeponfork"), (1, "cold"), (1, "pageout"), (1, "populate-read"),
            (3, "populate-write"), (usesHugePages ? 4 : 0, "collapse"),
        ])
        if advice == "collapse" || usesHugePages && dice.chance(30) {
            return send("madvise \(space) 0x200000 2m \(advice)")
        }
        send("madvise \(space) \(Self.extent(board.somePages(space, &dice))) \(advice)")
    }

    private func pinOrUnpin(_ space: UInt32) {
        if !pins.isEmpty, dice.chance(60) { return send("unpin \(pins.removeFirst())") }
        let mode = dice.pick(["get", "get-fast", "pin", "pin-fast", "longterm", "longterm-fast"])
        let access = dice.pick(["r", "w"])
        send("pin \(space) \(Self.extent(board.somePages(space, &dice))) access=\(access) mode=\(mode)", .pin)
    }

    private func askOfFiles() {
        guard let file = some(board.files), board.files.count > 1 || !dice.chance(30) else {
            let name = board.nextName("f")
            return send("file.create \(name) \(1 + dice.roll(4 * 4096))", .createFile(name))
        }
        let offset = dice.roll(4 * 4096)
        let length = UInt64(1 + dice.roll(dice.chance(80) ? 16 : 9000))
        switch dice.roll(12) {
        case 0..<4: send("file.read \(file) \(offset) \(length) as=hex")
        case 4..<8: send("file.write \(file) \(offset) \(someData(length))")
        case 8..<11: send("file.truncate \(file) \(dice.chance(50) ? dice.roll(6) << 12 : offset)")
        default: send("file.remove \(file)", .removeFile(file))
        }
    }

    private func migrate(_ space: UInt32) {
        let pages = Self.extent(board.somePages(space, &dice))
        switch dice.roll(4) {
        case 0: send("migrate \(space) \(pages) system")
        case 1: send("migrate \(space) \(pages) system \(someDevice())")
        default: send("migrate \(space) \(pages) \(someDevice())")
        }
    }

    override func hear(_ answer: Answer, to request: Waiting) {
        if case .pin = request.asked, answer.code == nil { pins.append(answer.id("pin")) }
    }
}
