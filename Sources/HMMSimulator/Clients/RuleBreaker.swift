import HMMProtocol

/// A client that says whatever comes to its mind: verbs without sense, lines without form, acknowledgements of events
/// that are not its own, the same tag twice.
final class RuleBreaker: Client {
    private static let words = [
        "1", "2", "3", "0x1fc000", "2097152", "4096", "2p", "rw", "r", "none", "gpu0", "gpu1", "f1", "va=0x1fe000",
        "len=1p", "mm=1", "mirror=1", "-1", "99999999999999999999", "\"\\x00\"", "hex:zz", "yes", "to=system",
    ]
    private let verbs = VerbName.allCases.map(\.spec.name.description)
    private var mirrors: [UInt32] = []

    override func act() {
        let space = some(board.spaces) ?? 1
        let place = Self.extent(board.somePages(space, &dice))
        switch dice.roll(25) {
        case 0: sendRaw(nonsense())
        case 1: sendRaw("#same \(someVerb()) \(words(dice.roll(5)))")
        case 2..<5: sendRaw("\(someVerb()) \(words(dice.roll(5)))")
        case 5: sendRaw("#a\(dice.roll(4)) ack \(1 + dice.roll(40))")
        case 6: sendRaw("ack \((0...dice.roll(20)).map { "\($0 + 1)" }.joined(separator: " "))")
        case 7: sendRaw("#same ping")
        case 8: sendRaw("#same munmap \(space) \(place)")
        case 9: sendRaw("write \(space) 0x1fc000 {5}\nhello")
        case 10: sendRaw("migrate.finish \(dice.roll(4))")
        case 11: sendRaw("mirror.drop \(dice.roll(6))")
        case 12, 13:
            let lease = 1 + dice.roll(60)
            send(
                "mirror \(space) \(someDevice()) lease=\(lease)",
                .mirror(space, device: "", nil, isAutomatic: false, leaseMilliseconds: 0))
        case 14: if let mirror = some(mirrors) { sendRaw("fault \(mirror) \(place) w") }
        case 15: send("hmm.mirror-register \(space) \(someDevice())")
        case 16: if let mirror = some(mirrors) { sendRaw("exclusive \(mirror) \(place)") }
        case 17: if let mirror = some(mirrors) { sendRaw("migrate.begin \(mirror) \(place) device") }
        case 18: sendRaw("to-ram \(1 + dice.roll(9))")
        case 19: sendRaw("evict dev=\(someDevice())")
        case 20: sendRaw("unpin \(dice.roll(5))")
        case 21: if dice.chance(20) { sendRaw("quit") }
        // Nobody else says what licence it has.
        case 22: sendRaw(dice.chance(50) ? "hello licence=proprietary" : "config enforce-licence=yes")
        default: sendRaw("#t\(dice.roll(1000)) madvise \(space) \(place) dontneed")
        }
    }

    private func someVerb() -> String {
        let verb = dice.pick(verbs)
        // One tenant's features and licences stay as they are: everybody else's work would end.
        return verb == "config" || verb == "quit" ? "check" : verb
    }

    private func words(_ count: Int) -> String { (0..<count).map { _ in dice.pick(Self.words) }.joined(separator: " ") }

    private func nonsense() -> String {
        // Now and then so much that there is no saying where the next request begins.
        if dice.chance(10) { return "ping " + String(repeating: "x", count: 9000) }
        return dice.pick([
            "", "; a remark", "#", "#\u{7f} ping", "PING", "munmap 1 0x1000 1p extra", "ping {3}\nabc", "a=b",
            "munmap 1",
        ])
    }

    override func hear(_ answer: Answer, to request: Waiting) {
        if case .mirror = request.asked, answer.code == nil { mirrors.append(answer.id("mirror")) }
    }
}
