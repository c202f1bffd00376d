/// Somebody who looks on.
final class Observer: Client {
    override func act() {
        guard let space = some(board.spaces) else { return send("ping") }
        switch dice.roll(12) {
        case 0: send("pending")
        case 1: send("maps \(space)")
        case 2: send("pagemap \(space) 0x1fa000 12p")
        case 3: send("dev.list")
        case 4: send("file.list")
        case 5: send("check")
        case 6: send("limits")
        case 7: send("quota")
        case 8: send(dice.chance(50) ? "help" : "help munmap")
        case 9: send("config")
        case 10: send("record \(dice.pick(["", "start", "stop"]))")
        default: send("read \(space) 0x1fa000 12p as=pages each=yes")
        }
    }
}
