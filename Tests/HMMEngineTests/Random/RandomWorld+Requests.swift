/// What clients ask.
extension RandomWorld {
    mutating func askForSpace() throws {
        guard spaces.count < 2 else { return }
        let policy = dice.pick(weighted: [(4, "fence"), (2, "fail"), (1, "wait")])
        try send("mm.create on-expiry=\(policy)", .createSpace(policy: policy), as: processes[0])
    }

    private mutating func pages() -> Range<UInt64> {
        let window = Self.windows[dice.chance(80) ? 0 : 1]
        let start = window.lowerBound + UInt64(dice.roll(window.count))
        return start..<min(window.upperBound, start + 1 + UInt64(dice.roll(6)))
    }

    private mutating func bytes() -> (va: UInt64, length: UInt64) {
        let pages = pages()
        let length = UInt64(1 + dice.roll(dice.chance(80) ? 16 : 9000))
        let va = pages.lowerBound << 12 + UInt64(dice.roll(4096))
        return (va, length)
    }

    private mutating func rights() -> SpaceModel.Rights {
        SpaceModel.Rights(dice.pick(weighted: [(8, "rw"), (3, "r"), (1, "none"), (1, "w")]))
    }

    private mutating func data() -> [UInt8] { (0...dice.roll(3)).map { _ in UInt8(dice.roll(256)) } }

    private func hex(_ data: [UInt8]) -> String {
        "hex:" + data.map { String(format: $0) }.joined()
    }

    mutating func processAsks(_ name: String) throws {
        guard let space = spaces.keys.sorted().randomPick(&dice) else { return try askForSpace() }
        let pages = pages()
        let extent = "0x\(String(pages.lowerBound << 12, radix: 16)) \(pages.count)p"
        switch dice.roll(52) {
        case 0..<9:
            let rights = rights()
            try send("mmap \(space) \(extent) \(rights.word)", .map(space, pages, count: 0, rights), as: name)
        case 9:
            let count = UInt64(1 + dice.roll(2))
            try send("mmap \(space) len=\(count)p", .map(space, nil, count: count, [.read, .write]), as: name)
        case 10..<15: try send("munmap \(space) \(extent)", .unmap(space, pages), as: name)
        case 15..<22:
            let rights = rights()
            try send("mprotect \(space) \(extent) \(rights.word)", .protect(space, pages, rights), as: name)
        case 22..<32:
            let (va, length) = bytes()
            try send("read \(space) \(va) \(length) as=hex", .load(space, va: va, length: length), as: name)
        case 32..<45:
            let (va, length) = bytes()
            let data = data()
            try send(
                "write \(space) \(va) \(hex(data)) len=\(length)", .store(space, va: va, length: length, data), as: name
            )
        case 45..<48: try migrate(space, pages, name, device: dice.pick(["gpu0", "gpu1"]))
        case 48..<50: try send("maps \(space)", .areas(space), as: name)
        case 50: if dice.chance(30) { try send("mm.drop \(space)", .dropSpace(space), as: name) }
        default: try send("ping", .ping, as: name)
        }
    }

    private mutating func migrate(_ space: UInt32, _ pages: Range<UInt64>, _ name: String, device: String) throws {
        let extent = "0x\(String(pages.lowerBound << 12, radix: 16)) \(pages.count)p"
        switch dice.roll(6) {
        case 0: try send("migrate \(space) \(extent) system", .migrate(space, pages, mover: ""), as: name)
        case 1: try send("migrate \(space) \(extent) system \(device)", .migrate(space, pages, mover: device), as: name)
        default: try send("migrate \(space) \(extent) \(device)", .migrate(space, pages, mover: device), as: name)
        }
    }

    mutating func driverAsks(_ name: String) throws {
        guard let mirrors = clients[name]?.mirrors, let id = mirrors.keys.sorted().randomPick(&dice),
            let mirror = mirrors[id], !dice.chance(mirrors.count < 2 ? 10 : 2)
        else { return try askForMirror(name) }
        let pages = pages()
        let extent = "0x\(String(pages.lowerBound << 12, radix: 16)) \(pages.count)p"
        switch dice.roll(50) {
        case 0..<17:
            let write = dice.chance(50)
            let noWait = dice.chance(15)
            try send(
                "fault \(id) \(extent) access=\(write ? "w" : "r") nowait=\(noWait ? "yes" : "no")",
                .fault(id, pages, write: write, noWait: noWait), as: name)
        case 17..<22: try send("snapshot \(id) \(extent)", .snapshot(id, pages), as: name)
        case 22..<30:
            let (va, length) = bytes()
            try send("dev.read \(id) \(va) \(length) as=hex", .deviceLoad(id, va: va, length: length), as: name)
        case 30..<38:
            let (va, length) = bytes()
            let data = data()
            try send(
                "dev.write \(id) \(va) \(hex(data)) len=\(length)", .deviceStore(id, va: va, length: length, data),
                as: name)
        case 38..<47: try migrate(mirror.space, pages, name, device: mirror.device)
        case 47: try send("mirror.drop \(id)", .dropMirror(id), as: name)
        case 48: try sendBadAck(name)
        default: try send("ping", .ping, as: name)
        }
    }

    private mutating func sendBadAck(_ name: String) throws {
        // Untagged it would stand between the answers of the lane, as it overtakes them.
        clients[name]?.tagged["ack"] = .badAck
        try peer.say("#ack ack 4000000000", as: name)
        try send("ping", .ping, as: name)
    }

    private mutating func askForMirror(_ name: String) throws {
        guard let space = spaces.keys.sorted().randomPick(&dice) else { return }
        let device = dice.pick(["gpu0", "gpu1"])
        let isAutomatic = dice.chance(20)
        try send(
            "mirror \(space) \(device) lease=\(100 + dice.roll(900)) ack=\(isAutomatic ? "auto" : "manual")",
            .mirror(space, device: device, isAutomatic: isAutomatic), as: name)
    }
}

extension Array {
    /// One of the elements; nil when there is none.
    fileprivate func randomPick(_ dice: inout Dice) -> Element? { isEmpty ? nil : dice.pick(self) }
}

extension String {
    /// Two hexadecimal digits.
    fileprivate init(format octet: UInt8) {
        let digits = String(octet, radix: 16)
        self = digits.utf8.count == 1 ? "0" + digits : digits
    }
}
