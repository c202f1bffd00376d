import HMMProtocol

/// A driver that keeps the rules: it has a page table of its own for each mirror, fills it from the answers to `fault`,
/// empties the range of every `inval` before it says `ack`, and uses a translation only while its lease holds. When it
/// acknowledges is another matter: at once, late, when the lease is over, or never.
final class DriverClient: Client {
    /// How it treats its acknowledgements.
    enum Manner {
        case prompt, slow, silent
    }

    struct Translation {
        /// Nil for the zero page.
        let frame: UInt64?
        let isWritable: Bool
    }

    /// What the driver believes of one mirror.
    struct Believed {
        let space: UInt32
        let device: String
        /// Nil: all of the address space.
        let range: Range<UInt64>?
        let isAutomatic: Bool
        let leaseMilliseconds: UInt64
        /// The kernel's test driver changes its own table without a word: its client cannot keep one.
        let keepsTable: Bool
        /// When the request was sent from which the lease counts.
        var renewedAt: UInt64
        /// Events that have been read, and the serial of what acknowledged them. Until an answer shows that the
        /// acknowledgement was there in time nothing renews the lease.
        var unconfirmed: [UInt64: Int?] = [:]
        var isFenced = false
        var table: [UInt64: Translation] = [:]
    }

    /// A migration between its first step and its last.
    private struct Open {
        let id: UInt32
        let mirror: UInt32
        let space: UInt32
        let device: String
        let pages: Range<UInt64>
        var isCopied = false
    }

    let manner: Manner
    private(set) var mirrors: [UInt32: Believed] = [:]
    /// Migrations that are open: their pages and what holds for them.
    private var migrations: [Open] = []
    private var owed: [(event: UInt64, due: UInt64)] = []
    /// Its devices ask it what comes back.
    private let decides: Bool

    init(_ name: String, _ board: Board, _ dice: Dice, manner: Manner) {
        self.manner = manner
        var dice = dice
        decides = dice.chance(30)
        super.init(name, board, dice)
    }

    // MARK: Using

    /// A translation may be used at `time`.
    func mayUse(_ mirror: Believed, at time: UInt64) -> Bool {
        mirror.keepsTable && !mirror.isFenced && time < mirror.renewedAt + mirror.leaseMilliseconds * 1_000_000
    }

    /// An answer has been read: the server has had everything that was sent before the request.
    private func renew(_ request: Waiting) {
        for id in mirrors.keys {
            guard var mirror = mirrors[id] else { continue }
            mirror.unconfirmed = mirror.unconfirmed.filter { $0.value ?? .max > request.serial }
            if mirror.unconfirmed.isEmpty { mirror.renewedAt = max(mirror.renewedAt, request.sentAt) }
            mirrors[id] = mirror
        }
    }

    /// The driver does not know when its own migration begins: until the answer it uses nothing there.
    private func isMoving(_ page: UInt64, _ mirror: Believed) -> Bool {
        let isAsked = waiting.contains { entry in
            switch entry.asked {
            case .movement(let space, let device, let pages), .begin(_, let space, let device, let pages):
                space == mirror.space && device == mirror.device && pages.contains(page)
            default: false
            }
        }
        return isAsked || migrations.contains { $0.space == mirror.space && $0.pages.contains(page) }
    }

    private func forget(_ space: UInt32, _ device: String, _ pages: Range<UInt64>) {
        for id in mirrors.keys where mirrors[id]?.space == space && mirrors[id]?.device == device {
            for page in pages { mirrors[id]?.table[page] = nil }
        }
    }

    // MARK: Asking

    override func act() {
        guard let id = some(mirrors.keys.sorted()), let mirror = mirrors[id],
            !dice.chance(mirrors.count < 2 ? 12 : 3)
        else { return prepare() }
        if mirror.isFenced || dice.chance(2) { return drop(id) }
        let pages = somePages(mirror)
        let place = Self.extent(pages)
        switch dice.roll(60) {
        case 0..<24: fault(id, pages)
        case 24: send("exclusive.held \(id) \(place)")
        case 25..<27: send("snapshot \(id) \(place)\(dice.chance(30) ? " nowait=yes" : "")")
        case 27..<31:
            let (va, length) = someBytes(in: pages)
            send("dev.read \(id) \(va) \(length) as=hex")
        case 31..<35:
            let (va, length) = someBytes(in: pages)
            send("dev.write \(id) \(va) \(someData(length))")
        case 35..<40: move("dev.migrate \(id) \(place) \(dice.chance(70) ? "device" : "system")", mirror, pages)
        case 40..<43: move("migrate \(mirror.space) \(place) \(mirror.device)", mirror, pages)
        case 43..<46: move("exclusive \(id) \(place)", mirror, pages)
        case 46..<52: step(id, mirror, pages)
        case 52..<54: askOfDevices()
        default: send("ping", untagged: false)
        }
    }

    private func fault(_ id: UInt32, _ pages: Range<UInt64>) {
        let access = dice.pick(weighted: [(5, "r"), (5, "w"), (1, "none")])
        var line = "fault \(id) \(Self.extent(pages)) access=\(access)"
        if dice.chance(15) { line += " nowait=yes" }
        if dice.chance(20) {
            let needs = pages.map { _ in dice.pick(["-", "r", "w"]) }.joined()
            line += " mask=\(dice.pick(["r", "w"])) pages=\"\(needs)\""
        }
        send(line, .fault(id, pages))
    }

    /// Pages of a mirror; now and then some that are not.
    private func somePages(_ mirror: Believed) -> Range<UInt64> {
        let pages = board.somePages(mirror.space, within: mirror.range, &dice)
        guard let range = mirror.range, !dice.chance(5) else { return pages }
        if pages.overlaps(range) { return pages.clamped(to: range) }
        let start = range.lowerBound + UInt64(dice.roll(range.count))
        return start..<min(range.upperBound, start + 1 + UInt64(dice.roll(4)))
    }

    private func drop(_ id: UInt32) {
        mirrors[id] = nil
        migrations.removeAll { $0.mirror == id }
        send("mirror.drop \(id)")
    }

    private func move(_ line: String, _ mirror: Believed, _ pages: Range<UInt64>) {
        forget(mirror.space, mirror.device, pages)
        send(line, .movement(mirror.space, device: mirror.device, pages))
    }

    /// A migration in three steps, one at a time; now and then it is given up, or never ended.
    private func step(_ id: UInt32, _ mirror: Believed, _ pages: Range<UInt64>) {
        guard let open = migrations.first else {
            forget(mirror.space, mirror.device, pages)
            var line = "migrate.begin \(id) \(Self.extent(pages)) \(dice.chance(75) ? "device" : "system")"
            if dice.chance(25) { line += " select=\(dice.pick(["system", "private", "coherent", "system,private"]))" }
            return send(line, .begin(id, mirror.space, device: mirror.device, pages), untagged: false)
        }
        if dice.chance(20) { return send("migrate.abort \(open.id)", .endMigration(open.id)) }
        guard open.isCopied else {
            guard dice.chance(30) else {
                migrations[0].isCopied = true
                return send("migrate.copy \(open.id)")
            }
            let start = open.pages.lowerBound + UInt64(dice.roll(open.pages.count))
            return send("migrate.copy \(open.id) \(Self.extent(start..<min(start + 2, open.pages.upperBound)))")
        }
        send("migrate.finish \(open.id)", .endMigration(open.id))
    }

    private func prepare() {
        guard let space = some(board.spaces) else { return send("ping") }
        guard board.devices.count > 1 || (!board.devices.isEmpty && dice.chance(70)) else { return makeDevice() }
        let device = someDevice()
        let isAutomatic = dice.chance(15)
        let lease = UInt64(20 + dice.roll(dice.chance(50) ? 100 : 2000))
        var line = "mirror \(space) \(device) lease=\(lease) ack=\(isAutomatic ? "auto" : "manual")"
        var range: Range<UInt64>?
        if dice.chance(35) {
            let window = Board.windows[dice.chance(85) ? 0 : 1]
            let start = window.lowerBound + UInt64(dice.roll(window.count))
            range = start..<min(window.upperBound, start + 1 + UInt64(dice.roll(8)))
            line += " va=0x\(String(start << 12, radix: 16)) len=\(range?.count ?? 1)p"
        }
        send(line, .mirror(space, device: device, range, isAutomatic: isAutomatic, leaseMilliseconds: lease))
    }

    private func makeDevice() {
        let device = board.nextName("gpu")
        let isTestDriver = dice.chance(25)
        var line = "dev.create \(device) profile=\(isTestDriver ? "dmirror" : "default")"
        if decides { line += " to-ram=client deadline=\(20 + dice.roll(200))" }
        if dice.chance(20) { line += " free-events=yes" }
        if dice.chance(10) { line += " persist=no" }
        send(line, .createDevice(device, isTestDriver: isTestDriver), untagged: true)
        let kind = dice.pick(weighted: [(3, "private"), (1, "coherent")])
        send("region.create \(device) \(2 + dice.roll(6))p kind=\(kind)", .createRegion, untagged: true)
    }

    private func askOfDevices() {
        let device = someDevice()
        switch dice.roll(10) {
        case 0..<2: send("evict dev=\(device)")
        case 2..<4: send(some(board.regions).map { "evict region=\($0)" } ?? "evict dev=\(device)")
        case 4: if let region = some(board.regions) { send("region.remove \(region)", .removeRegion(region)) }
        case 5: if dice.chance(30) { send("dev.remove \(device)", .removeDevice(device)) }
        case 6: send("inject \(device) fail-alloc=\(1 + dice.roll(2))")
        default:
            if board.regions.count < 6 { send("region.create \(device) \(1 + dice.roll(4))p", .createRegion) }
        }
    }

    // MARK: Hearing

    override func hear(event: String, _ number: UInt64, _ pairs: [ServerLine.Pair]) {
        if event == "to-ram" { return decide(number, pairs) }
        guard let id = pairs["mirror"]?.number.map({ UInt32(truncatingIfNeeded: $0) }) else { return }
        switch event {
        case "fenced":
            mirrors[id]?.isFenced = true
            mirrors[id]?.table = [:]
            migrations.removeAll { $0.mirror == id }
        case "inval":
            guard let va = pairs["va"]?.number, let length = pairs["len"]?.number else { return }
            let pages = va >> 12..<(va + length + 4095) >> 12
            // First the table, then the word.
            for page in (mirrors[id]?.table ?? [:]).keys where pages.contains(page) { mirrors[id]?.table[page] = nil }
            guard let mirror = mirrors[id], !mirror.isAutomatic else { return }
            mirrors[id]?.unconfirmed[number] = .some(nil)
            owe(number, mirror.leaseMilliseconds)
        default: break
        }
    }

    private func owe(_ event: UInt64, _ lease: UInt64) {
        switch manner {
        case .prompt: acknowledge(event)
        case .slow:
            // Often in time, often not; sometimes to the moment.
            let wait = dice.pick(weighted: [
                (3, UInt64(dice.roll(5))), (3, UInt64(dice.roll(Int(lease)))), (1, lease), (1, lease + 1),
                (1, lease * 2),
            ])
            owed.append((event, now + wait * 1_000_000))
            alarm = wait * 1_000_000
        case .silent: if dice.chance(20) { acknowledge(event) }
        }
    }

    override func wake() {
        for entry in owed where entry.due <= now { acknowledge(entry.event) }
        owed.removeAll { $0.due <= now }
        if let next = owed.map(\.due).min() { alarm = next - now }
    }

    private func acknowledge(_ event: UInt64) {
        sendRaw("ack \(event)")
        for id in mirrors.keys where mirrors[id]?.unconfirmed[event] != nil { mirrors[id]?.unconfirmed[event] = serial }
        if dice.chance(4) { sendRaw("ack \(event)") }
    }

    private func decide(_ event: UInt64, _ pairs: [ServerLine.Pair]) {
        guard let va = pairs["va"]?.number, let space = pairs["mm"]?.number, let device = pairs["dev"]?.text,
            !dice.chance(20)
        else { return }
        let page = va >> 12
        let pages = page..<page + 1 + UInt64(dice.roll(3))
        forget(UInt32(truncatingIfNeeded: space), device, pages)
        send(
            "to-ram \(event) \(Self.extent(pages))",
            .movement(UInt32(truncatingIfNeeded: space), device: device, pages), untagged: false)
    }

    override func hear(_ answer: Answer, to request: Waiting) {
        renew(request)
        switch request.asked {
        case .mirror(let space, let device, let range, let isAutomatic, let lease):
            guard answer.code == nil else { return }
            mirrors[answer.id("mirror")] = Believed(
                space: space, device: device, range: range, isAutomatic: isAutomatic, leaseMilliseconds: lease,
                keepsTable: !board.isTestDriver(device) && !isAutomatic, renewedAt: request.sentAt)
        case .fault(let id, _): if answer.code == nil { believe(answer, id) }
        case .movement(let space, let device, let pages): forget(space, device, pages)
        case .begin(let mirror, let space, let device, let pages):
            forget(space, device, pages)
            guard answer.code == nil else { return }
            migrations.append(
                Open(id: answer.id("migration"), mirror: mirror, space: space, device: device, pages: pages))
        case .endMigration(let id):
            if answer.isRefused { return }
            for open in migrations where open.id == id { forget(open.space, open.device, open.pages) }
            migrations.removeAll { $0.id == id }
        default: break
        }
    }

    /// The rows of an answer to `fault` go into the table, but for pages that this driver moves itself.
    private func believe(_ answer: Answer, _ id: UInt32) {
        guard var mirror = mirrors[id], !mirror.isFenced else { return }
        for row in answer.rows {
            guard let va = row["va"]?.number, let count = row["pages"]?.number, let kind = row["kind"]?.text else {
                continue
            }
            let frames = Answer.frames(row["pfn"]?.text)
            for offset in 0..<count {
                let page = va >> 12 + offset
                mirror.table[page] = nil
                guard kind != "none", kind != "error", !isMoving(page, mirror) else { continue }
                let frame = Int(offset) < frames.count ? frames[Int(offset)] : nil
                mirror.table[page] = Translation(frame: frame, isWritable: row["perm"]?.text == "rw")
            }
        }
        mirrors[id] = mirror
    }
}
