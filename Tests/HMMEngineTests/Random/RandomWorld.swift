import HMMProtocol

@testable import HMMEngine

/// Clients that do random things to one tenant, and a judge that compares every answer with a model which has no page
/// tables, and every translation that a driver believes in with what the engine has.
struct RandomWorld {
    struct Mismatch: Error, CustomStringConvertible { let description: String }

    /// Pages on both sides of the end of a 2 MiB table, and of a 512 GiB slot.
    static let windows: [Range<UInt64>] = [0x1fa..<0x206, 0x7ff_fffe..<0x800_0002]

    var dice: Dice
    var peer: EnginePeer
    let isTight: Bool
    var spaces: [UInt32: SpaceModel] = [:]
    var clients: [String: ClientModel] = [:]
    var processes: [String] = []
    var drivers: [String] = []
    private var nextName = 1
    /// Lines of the log in a message.
    var logLength = 40
    /// What was said, for whoever has to find out.
    private(set) var log: [String] = []

    init(seed: UInt64) throws {
        dice = Dice(seed: seed)
        isTight = dice.chance(40)
        var limits = Limits()
        if isTight { limits.residentBytes = UInt64(6 + dice.roll(14)) << 12 }
        peer = EnginePeer(limits: limits)
        peer.checksState = false
        try join(isDriver: false)
        for line in [
            "dev.create gpu0", "dev.create gpu1", "region.create gpu0 3p", "region.create gpu0 2p",
            "region.create gpu1 4p",
        ] {
            try peer.say(line, as: processes[0])
        }
        _ = peer.takeLines()
        try join(isDriver: false)
        for _ in 0..<3 { try join(isDriver: true) }
        try askForSpace()
    }

    mutating func join(isDriver: Bool) throws {
        let name = "\(isDriver ? "D" : "P")\(nextName)"
        nextName += 1
        clients[name] = ClientModel(isDriver: isDriver)
        if isDriver { drivers.append(name) } else { processes.append(name) }
        try peer.connect(name, tenant: "ci")
        if dice.chance(30) { try peer.say("hello enable=lease", as: name) }
        _ = peer.takeLines()
    }

    // MARK: Doing

    mutating func step() throws {
        switch dice.pick(weighted: [(9, 0), (9, 1), (2, 2), (1, 3)]) {
        case 0: try processAsks(dice.pick(processes))
        case 1: try driverAsks(dice.pick(drivers))
        case 2:
            log.append("@advance")
            try peer.advance(milliseconds: UInt64(dice.roll(400)))
            try judge()
        default: if dice.chance(40) { try leave(dice.pick(drivers)) } else { try askForSpace() }
        }
        for name in drivers where dice.chance(60) { try acknowledge(name, percent: 50) }
        try checkEngine()
    }

    /// Sends a request; its answer will be judged as one to `asked`.
    mutating func send(_ line: String, _ asked: Asked, as name: String) throws {
        guard var client = clients[name] else { return }
        var text = line
        if dice.chance(75) {
            text = "#\(client.nextTag) \(line)"
            client.tagged["\(client.nextTag)"] = asked
            client.nextTag += 1
        } else {
            client.untagged.append(asked)
        }
        clients[name] = client
        log.append("\(name)> \(text)")
        try peer.say(text, as: name)
        try judge()
    }

    mutating func acknowledge(_ name: String, percent: Int) throws {
        guard let client = clients[name] else { return }
        var numbers = client.openEvents.map(\.number).filter { _ in dice.chance(percent) }
        while !numbers.isEmpty {
            let number = numbers.remove(at: dice.roll(numbers.count))
            // It may have been closed by what an earlier one set free.
            guard clients[name]?.openEvents.contains(where: { $0.number == number }) ?? false else { continue }
            clients[name]?.openEvents.removeAll { $0.number == number }
            log.append("\(name)> ack \(number)")
            try peer.say("ack \(number)", as: name)
            try judge()
        }
    }

    /// A driver vanishes, or says good-bye, whatever it waits for; another one comes. Not while its device stores: of
    /// that nobody would learn whether it was done.
    mutating func leave(_ name: String) throws {
        guard clients[name].map({ !$0.isStoring }) ?? false else { return }
        clients[name] = nil
        drivers.removeAll { $0 == name }
        log.append("@cut \(name)")
        if dice.chance(50) { try peer.cut(name) } else { try peer.say("#bye quit", as: name) }
        try judge()
        try join(isDriver: true)
    }

    // MARK: Ending

    /// Everybody acknowledges everything until nobody waits; then all memory is compared and given back.
    mutating func finish() throws {
        try settle()
        for (id, space) in spaces.sorted(by: { $0.key < $1.key }) {
            for page in space.rights.keys.sorted() where space.rights[page] != [] {
                try send(
                    "read \(id) \(page << 12) 4096 as=literal", .load(id, va: page << 12, length: 4096),
                    as: processes[0])
                try settle()
            }
        }
        for id in spaces.keys.sorted() {
            try send("mm.drop \(id)", .dropSpace(id), as: processes[1])
            try settle()
        }
        guard spaces.isEmpty else { throw mismatch("spaces \(spaces.keys.sorted()) are still there") }
        guard peer.framesUsed == 0 else { throw mismatch("\(peer.framesUsed) frames are still in use") }
    }

    private mutating func settle() throws {
        for _ in 0..<200 where peer.pendingCount > 0 {
            for name in drivers { try acknowledge(name, percent: 100) }
            try checkEngine()
        }
        guard peer.pendingCount == 0 else { throw mismatch("\(peer.pendingCount) requests wait for nothing") }
        for (name, client) in clients where !client.tagged.isEmpty || !client.untagged.isEmpty {
            throw mismatch("\(name) has no answer to \(client.tagged) \(client.untagged)")
        }
    }

    func mismatch(_ text: String) -> Mismatch {
        Mismatch(description: "\(text)\n\(log.suffix(logLength).joined(separator: "\n"))")
    }

    /// Takes the lines that have come, in the order the engine wrote them.
    private mutating func judge() throws {
        for (name, item) in peer.takeLines() {
            log.append("\(name)< \(item.text.prefix(160))")
            if clients[name] != nil { try take(item.line, name) }
        }
    }
}
