import HMMHarness
import HMMProtocol

@testable import HMMSimulator

/// What is asked of files and devices, and what drivers ask.
extension RandomWorld {
    mutating func askOfFiles(_ name: String) throws {
        guard let file = memory.names.keys.sorted().randomPick(&dice), !dice.chance(memory.names.count < 2 ? 40 : 3)
        else {
            return try createFile(name)
        }
        let offset = UInt64(dice.roll(5 * 4096))
        let length = UInt64(1 + dice.roll(dice.chance(70) ? 16 : 9000))
        switch dice.roll(12) {
        case 0..<4:
            try send(
                "file.read \(file) \(offset) \(length) as=hex", .readFile(file, offset: offset, length: length),
                as: name)
        case 4..<8:
            let data = someData(length)
            try send(
                "file.write \(file) \(offset) \(data.text)", .writeFile(file, offset: offset, data.bytes), as: name)
        case 8..<11:
            let length = dice.chance(50) ? UInt64(dice.roll(6)) << 12 : offset
            try send("file.truncate \(file) \(length)", .truncate(file, length: length), as: name)
        default: try send("file.remove \(file)", .removeFile(file), as: name)
        }
    }

    /// Names are not used again, so that a request which waits means the file that it meant.
    private mutating func createFile(_ name: String) throws {
        let file = "f\(nextFile)"
        nextFile += 1
        let length = UInt64(dice.roll(4 * 4096))
        guard length > 0, dice.chance(50) else {
            return try send("file.create \(file) \(length)", .createFile(file, length: length, []), as: name)
        }
        let byte = UInt8(dice.roll(256))
        let data = Self.bytePlusPage(byte, length)
        try send(
            "file.create \(file) \(length) pattern=\(Self.hex([byte]))+", .createFile(file, length: length, data),
            as: name)
    }

    mutating func askOfDevices(_ name: String) throws {
        let device = dice.pick(["gpu0", "gpu1"])
        guard devices[device] != nil else {
            let isTestDriver = dice.chance(50)
            return try send(
                "dev.create \(device) profile=\(isTestDriver ? "dmirror" : "default")",
                .createDevice(device, isTestDriver: isTestDriver), as: name)
        }
        let region = regions.keys.sorted().randomPick(&dice)
        switch dice.roll(12) {
        case 0..<2: try send("evict dev=\(device)", .evict, as: name)
        case 2..<4: if let region { try send("evict region=\(region)", .evict, as: name) }
        case 4..<6:
            guard let region, let model = regions[region] else { return }
            let first = UInt64(dice.roll(Int(model.pages)))
            let count = 1 + UInt64(dice.roll(Int(model.pages - first)))
            try send("evict pfn=\(model.frame + first) count=\(count)", .evict, as: name)
        case 6..<8: if let region { try send("region.remove \(region)", .removeRegion(region), as: name) }
        case 8: if dice.chance(40) { try send("dev.remove \(device)", .removeDevice(device), as: name) }
        default:
            guard regions.count < 6 else { return }
            let kind = dice.pick(["private", "coherent"])
            try send("region.create \(device) \(1 + dice.roll(5))p kind=\(kind)", .createRegion(device), as: name)
        }
    }

    // MARK: Drivers

    mutating func driverAsks(_ name: String) throws {
        guard let mirrors = clients[name]?.mirrors, let id = mirrors.keys.sorted().randomPick(&dice),
            let mirror = mirrors[id], !dice.chance(mirrors.count < 2 ? 10 : 2)
        else { return try askForMirror(name) }
        if mirror.isFenced || spaces[mirror.space] == nil, dice.chance(30) { return try drop(id, mirror, name) }
        let pages = somePages(mirror.space)
        switch dice.roll(60) {
        case 0..<17: try fault(id, pages, name)
        case 17..<22: try send("snapshot \(id) \(extent(pages))", .snapshot(id, pages), as: name)
        case 22..<30:
            let (va, length) = someBytes(mirror.space)
            try send("dev.read \(id) \(va) \(length) as=hex", .deviceLoad(id, va: va, length: length), as: name)
        case 30..<38:
            let (va, length) = someBytes(mirror.space)
            let data = someData(length)
            try send("dev.write \(id) \(va) \(data.text)", .deviceStore(id, va: va, data.bytes), as: name)
        case 38..<44: try migrate(mirror.space, pages, name, device: mirror.device)
        case 44..<50:
            let toDevice = dice.chance(70)
            try send(
                "dev.migrate \(id) \(extent(pages)) \(toDevice ? "device" : "system")",
                .deviceMigrate(id, pages, toDevice: toDevice), as: name)
        case 50..<55: try send("exclusive \(id) \(extent(pages))", .exclusive(id, pages), as: name)
        case 55: try send("exclusive.held \(id) \(extent(pages))", .held(id, pages), as: name)
        case 56..<58: try drop(id, mirror, name)
        case 58: try sendBadAck(name)
        default: try send("ping", .ping, as: name)
        }
    }

    private mutating func drop(_ id: UInt32, _ mirror: MirrorModel, _ name: String) throws {
        try send("mirror.drop \(id)", .dropMirror(id, device: mirror.device), as: name)
    }

    private mutating func fault(_ id: UInt32, _ pages: Range<UInt64>, _ name: String) throws {
        let all = dice.pick(weighted: [(5, Asked.Need.read), (5, .write), (2, .nothing)])
        let noWait = dice.chance(15)
        var line = "fault \(id) \(extent(pages)) access=\(all.word) nowait=\(noWait ? "yes" : "no")"
        var needs = pages.map { _ in all }
        if all == .nothing || dice.chance(10), pages.count < 32 {
            let mask = dice.pick([Asked.Need.read, .write])
            let each = pages.map { _ in dice.pick([Asked.Need.nothing, .read, .write]) }
            line += " mask=\(mask.word) pages=\"\(each.map { $0 == .nothing ? "-" : $0.word }.joined())\""
            needs = each.map { max(all, min(mask, $0)) }
        }
        try send(line, .fault(id, pages, needs, noWait: noWait), as: name)
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

extension Asked.Need {
    var word: String {
        switch self {
        case .nothing: "none"
        case .read: "r"
        case .write: "w"
        }
    }
}
