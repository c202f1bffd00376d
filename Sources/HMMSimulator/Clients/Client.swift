import HMMProtocol

/// One end of a connection: it keeps account of what it has asked, and knows nothing but what it was sent.
class Client {
    /// What an answer will change in what the client or its board believes.
    enum Asked {
        case other
        case createSpace
        case fork(UInt32)
        case dropSpace(UInt32)
        case map(UInt32)
        case unmap(UInt32, Range<UInt64>)
        case createDevice(String, isTestDriver: Bool)
        case removeDevice(String)
        case createRegion
        case removeRegion(UInt32)
        case createFile(String)
        case removeFile(String)
        case pin
        case mirror(UInt32, device: String, Range<UInt64>?, isAutomatic: Bool, leaseMilliseconds: UInt64)
        /// A mirror, or a range, of 2017.
        case register(UInt32)
        case range
        case umbrella(String)
        case fault(UInt32, Range<UInt64>)
        /// Pages of a device's mirrors on this connection may go without a word until it is answered.
        case movement(UInt32, device: String, Range<UInt64>)
        case begin(UInt32, UInt32, device: String, Range<UInt64>)
        case endMigration(UInt32)
    }

    struct Waiting {
        let tag: String
        let asked: Asked
        let sentAt: UInt64
        /// Which of the lines that the client has sent.
        let serial: Int
    }

    let name: String
    let board: Board
    var dice: Dice
    /// Nanoseconds; set by the world before anything is asked of the client.
    var now: UInt64 = 0
    /// What is to be sent, as bytes of lines.
    var outgoing: [UInt8] = []
    /// Requests without an answer, in the order sent.
    private(set) var waiting: [Waiting] = []
    /// Lines sent so far.
    private(set) var serial = 0
    private var lastTag = 0
    private var rows: [[ServerLine.Pair]] = []

    init(_ name: String, _ board: Board, _ dice: Dice) {
        self.name = name
        self.board = board
        self.dice = dice
    }

    // MARK: What a kind of client does

    /// It is this client's turn.
    func act() {}
    func hear(event: String, _ number: UInt64, _ pairs: [ServerLine.Pair]) {}
    func hear(_ answer: Answer, to request: Waiting) {}
    /// A time that it had set itself.
    func wake() {}
    /// When it wants `wake`, in nanoseconds from now; taken once.
    var alarm: UInt64?

    // MARK: Sending

    func send(_ line: String, _ asked: Asked = .other, untagged: Bool? = nil) {
        let isUntagged = untagged ?? dice.chance(20)
        var tag = ""
        if !isUntagged {
            lastTag += 1
            tag = "\(lastTag)"
            outgoing += Array("#\(tag) ".utf8)
        }
        outgoing += Array(line.utf8)
        outgoing.append(10)
        serial += 1
        waiting.append(Waiting(tag: tag, asked: asked, sentAt: now, serial: serial))
    }

    /// A line that is owed no answer, or whose answer does not matter.
    func sendRaw(_ line: String) {
        serial += 1
        outgoing += Array(line.utf8)
        outgoing.append(10)
    }

    // MARK: Hearing

    func hear(_ line: ServerLine) {
        switch line {
        case .event(let number, let event, let pairs): hear(event: event, number, pairs)
        case .row(_, let pairs): rows.append(pairs)
        case .success(let tag, let pairs): end("\(tag)", Answer(rows: rows, pairs: pairs))
        case .failure(let tag, let code, let errno, let pairs, _):
            end("\(tag)", Answer(rows: rows, pairs: pairs, failure: (code, errno)))
        case .banner, .note, .bye: break
        }
    }

    private func end(_ tag: String, _ answer: Answer) {
        rows = []
        if tag.isEmpty, answer.code == "NOEVENT" { return }
        guard let index = waiting.firstIndex(where: { $0.tag == tag }) else { return }
        let entry = waiting.remove(at: index)
        if answer.code == nil { note(answer, entry.asked) }
        hear(answer, to: entry)
    }

    /// What everybody may know.
    private func note(_ answer: Answer, _ asked: Asked) {
        switch asked {
        case .createSpace: board.add(space: answer.id("mm"))
        case .fork(let parent): board.add(space: answer.id("mm"), copying: parent)
        case .dropSpace(let space): board.remove(space: space)
        case .map(let space):
            let start = answer.number("va") >> 12
            board.map(space, start..<start + answer.number("len") >> 12)
        case .unmap(let space, let pages): board.unmap(space, pages)
        case .createDevice(let device, let isTestDriver): board.devices.append((device, isTestDriver))
        case .removeDevice(let device): board.devices.removeAll { $0.name == device }
        case .createRegion: board.regions.append(answer.id("region"))
        case .removeRegion(let region): board.regions.removeAll { $0 == region }
        case .createFile(let file): board.files.append(file)
        case .removeFile(let file): board.files.removeAll { $0 == file }
        default: break
        }
    }

    // MARK: Choosing

    static func extent(_ pages: Range<UInt64>) -> String {
        "0x\(String(pages.lowerBound << 12, radix: 16)) \(pages.count)p"
    }

    func some<Choice>(_ choices: [Choice]) -> Choice? { choices.isEmpty ? nil : dice.pick(choices) }

    /// A place within some pages, and a length.
    func someBytes(_ space: UInt32) -> (va: UInt64, length: UInt64) {
        someBytes(in: board.somePages(space, &dice))
    }

    func someBytes(in pages: Range<UInt64>) -> (va: UInt64, length: UInt64) {
        (
            pages.lowerBound << 12 + UInt64(dice.roll(4096)), UInt64(1 + dice.roll(dice.chance(85) ? 16 : 9000))
        )
    }

    func someData(_ length: UInt64) -> String {
        let byte = String(UInt64(16 + dice.roll(240)), radix: 16)
        switch dice.roll(3) {
        case 0: return "pattern=\(byte) len=\(length)"
        case 1: return "pattern=\(byte)+ len=\(length)"
        default:
            let word = String(dice.word() | 1 << 63, radix: 16)
            return "hex:\(word) len=\(length)"
        }
    }

    /// As often as not with a name that is stale.
    func someDevice() -> String { some(board.devices)?.name ?? "gpu0" }
}
