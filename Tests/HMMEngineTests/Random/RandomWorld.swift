import HMMHarness
import HMMProtocol

@testable import HMMEngine
@testable import HMMMemory
@testable import HMMSimulator

/// Clients that do random things to one tenant, and a judge that compares every answer with a model which has no page
/// tables, and every translation that a driver believes in with what the engine has.
struct RandomWorld {
    struct Mismatch: Error, CustomStringConvertible { let description: String }

    /// A request failed half way, and others went on before anyone could look: this world cannot be judged any further.
    struct Unknowable: Error {}

    /// Pages on both sides of the end of a 2 MiB table, and of a 512 GiB slot.
    static let windows: [Range<UInt64>] = [0x1fa..<0x206, 0x7ff_fffe..<0x800_0002]

    var dice: Dice
    var peer: EnginePeer
    let isTight: Bool
    /// Huge pages are tried, too: they are slow.
    let isHuge: Bool
    var memory = MemoryModel()
    /// Devices by name, and whether each is the kernel's test driver.
    var devices: [String: Bool] = [:]
    var regions: [UInt32: (device: String, frame: UInt64, pages: UInt64)] = [:]
    var pins: [UInt32: PinModel] = [:]
    /// An address space has existed whose requests fail when a lease runs out.
    var hasFailed = false
    var clients: [String: ClientModel] = [:]
    var processes: [String] = []
    var drivers: [String] = []
    /// Requests that may still copy pages of files: of clients that have gone, and answered in this input.
    var ghosts: [Asked] = []
    var recent: [Asked] = []
    /// Lines of this input that have not been judged yet.
    private(set) var linesLeft = 0
    private var nextName = 1
    var nextFile = 1
    /// Lines of the log in a message.
    var logLength = 40
    /// What was said, for whoever has to find out.
    private(set) var log: [String] = []

    var spaces: [UInt32: SpaceModel] { memory.spaces }

    init(seed: UInt64) throws {
        dice = Dice(seed: seed)
        let isTight = dice.chance(40)
        self.isTight = isTight
        let usesHugePages = dice.chance(6)
        isHuge = !isTight && usesHugePages
        var limits = Limits()
        if isTight { limits.residentBytes = UInt64(6 + dice.roll(14)) << 12 }
        // Every other world's work is cut small.
        if seed & 1 == 1 { limits.slice = 150 }
        peer = EnginePeer(limits: limits)
        try join(isDriver: false)
        for (name, profile) in [("gpu0", "default"), ("gpu1", dice.chance(50) ? "dmirror" : "default")] {
            let line = "dev.create \(name) profile=\(profile)"
            try send(line, .createDevice(name, isTestDriver: profile == "dmirror"), as: processes[0])
        }
        for (name, rest) in [("gpu0", "3p"), ("gpu0", "2p kind=\(dice.pick(["private", "coherent"]))"), ("gpu1", "4p")]
        {
            try send("region.create \(name) \(rest)", .createRegion(name), as: processes[0])
        }
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
        var isTagged = dice.chance(75)
        if case .dropMirror(let id, _) = asked {
            // It ends when the request begins, however long its answer takes; with a tag that is now.
            isTagged = true
            client.mirrors[id] = nil
            client.openEvents.removeAll { $0.mirror == id }
        }
        if isTagged {
            text = "#\(client.nextTag) \(line)"
            client.tagged["\(client.nextTag)"] = asked
            client.nextTag += 1
        } else {
            client.untagged.append(asked)
        }
        clients[name] = client
        log.append("\(name)> \(text)")
        try say(text, as: name)
        try judge()
        noticeWaiting(name)
    }

    private mutating func say(_ text: String, as name: String) throws {
        do { try peer.say(text, as: name) } catch { throw mismatch("\(error)") }
    }

    /// A sweep that was not answered at once sees each page at another time.
    private mutating func noticeWaiting(_ name: String) {
        func late(_ asked: Asked) -> Asked {
            guard case .sweep(let space, let pages, _) = asked else { return asked }
            return .sweep(space, pages, isAtOnce: false)
        }
        if let client = clients[name] {
            clients[name]?.tagged = client.tagged.mapValues(late)
            clients[name]?.untagged = client.untagged.map(late)
        }
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
            try say("ack \(number)", as: name)
            try judge()
        }
    }

    /// A driver vanishes, or says good-bye, whatever it waits for; another one comes. Not while its device stores: of
    /// that nobody would learn whether it was done.
    mutating func leave(_ name: String) throws {
        guard let client = clients[name], !client.isStoring else { return }
        ghosts += client.waiting
        clients[name] = nil
        pins = pins.filter { $0.value.owner != name }
        drivers.removeAll { $0 == name }
        log.append("@cut \(name)")
        do {
            if dice.chance(50) { try peer.cut(name) } else { try peer.say("#bye quit", as: name) }
        } catch { throw mismatch("\(error)") }
        try judge()
        try join(isDriver: true)
    }

    func mismatch(_ text: String) -> Mismatch {
        Mismatch(description: "\(text)\n\(log.suffix(logLength).joined(separator: "\n"))")
    }

    /// Takes the lines that have come, in the order the engine wrote them.
    private mutating func judge() throws {
        recent = []
        let lines = peer.takeLines()
        for (position, (name, item)) in lines.enumerated() {
            linesLeft = lines.count - position - 1
            log.append("\(name)< \(item.text.prefix(160))")
            if clients[name] != nil { try take(item.line, name) }
        }
        try noticeCopies()
    }
}

/// Pages that someone does I/O on.
struct PinModel {
    let owner: String
    let pages: UInt64
}
