import HMMProtocol

/// A driver of 2017: it registers mirrors, which hear of invalidations when they are over, opens ranges and asks at the
/// end whether what it was told may be used; its device's memory goes with its connection.
final class LegacyClient: Client {
    private var mirrors: [(id: UInt32, space: UInt32)] = []
    private var ranges: [UInt32] = []
    private var umbrellas: [String] = []
    private var devices: [String] = []

    override func act() {
        guard let mirror = some(mirrors), !dice.chance(10) else { return prepare() }
        let pages = board.somePages(mirror.space, &dice)
        let place = Self.extent(pages)
        switch dice.roll(20) {
        case 0..<4: send("hmm.vma-get-pfns \(mirror.id) \(place)", .range)
        case 4..<10:
            let how = "write=\(dice.pick(["yes", "no"])) block=\(dice.pick(["yes", "yes", "no"]))"
            send("hmm.vma-fault \(mirror.id) \(place) \(how)", .range)
        case 10..<14:
            guard !ranges.isEmpty else { return send("ping") }
            send("hmm.vma-range-done \(ranges.removeFirst())")
        case 14..<17:
            let goal = dice.chance(25) ? "system" : some(devices) ?? someDevice()
            send("hmm.migrate-vma \(mirror.space) \(place) \(goal)")
        case 17:
            guard dice.chance(30) else { return send("hmm.vma-range-done \(1 + dice.roll(6))") }
            mirrors.removeAll { $0.id == mirror.id }
            send("hmm.mirror-unregister \(mirror.id)")
        case 18:
            let (va, length) = someBytes(in: pages)
            send("dev.read \(mirror.id) \(va) \(length) as=hex")
        default:
            guard let umbrella = umbrellas.popLast() else { return makeDevice() }
            send("hmm.device-put \(umbrella)")
        }
    }

    private func prepare() {
        guard let space = some(board.spaces) else { return send("ping") }
        guard !devices.isEmpty, !dice.chance(20) else { return makeDevice() }
        send(
            "hmm.mirror-register \(space) \(some(devices) ?? "") lease=\(20 + dice.roll(400))", .register(space))
    }

    private func makeDevice() {
        guard devices.count < 3 else { return send("dev.list") }
        if umbrellas.isEmpty, dice.chance(60) {
            let name = board.nextName("umbrella")
            return send("hmm.device-new \(name)", .umbrella(name), untagged: true)
        }
        let device = board.nextName("gpu")
        var line = "dev.create \(device) free-events=\(dice.pick(["yes", "no"]))"
        if dice.chance(60) { line += " persist=no" }
        if let umbrella = umbrellas.last { line += " umbrella=\(umbrella)" }
        if dice.chance(40) { line += " to-ram=client deadline=\(10 + dice.roll(60))" }
        send(line, .createDevice(device, isTestDriver: false), untagged: true)
        send("hmm.devmem-add \(device) \(2 + dice.roll(6))p", untagged: true)
        if dice.chance(40) {
            let frame = 0x900_0000 + dice.roll(4) * 512
            send("hmm.devmem-add-resource \(device) \(frame) \(1 + dice.roll(4))p", untagged: true)
        }
    }

    override func hear(event: String, _ number: UInt64, _ pairs: [ServerLine.Pair]) {
        guard event == "to-ram", dice.chance(70) else { return }
        send("to-ram \(number)", untagged: false)
    }

    override func hear(_ answer: Answer, to request: Waiting) {
        guard answer.code == nil else { return }
        switch request.asked {
        case .register(let space): mirrors.append((answer.id("mirror"), space))
        case .range: ranges.append(answer.id("range"))
        case .umbrella(let name): umbrellas.append(name)
        case .createDevice(let device, _): devices.append(device)
        default: break
        }
    }
}
