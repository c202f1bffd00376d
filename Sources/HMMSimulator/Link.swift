import HMMEngine
import HMMProtocol

/// One connection on the fake network: the client at one end, the engine's reader at the other, and what is on its way.
///
/// Bytes of one direction arrive in the order sent, in pieces cut anywhere, each as late as it likes; other connections
/// overtake.
final class Link: CustomStringConvertible {
    /// How the client takes what it is sent.
    enum Reading {
        case always
        /// Long pauses.
        case slow
        /// Never anything: the transport gives up on it.
        case never
    }

    let client: Client
    let tenant: Tenant
    /// Its position among all links.
    let index: Int
    let id: ConnectionID
    let reading: Reading
    var dice: Dice
    private let latency: Int
    /// The last time at which something arrives, per direction.
    private var lastUp: UInt64 = 0
    private(set) var lastDown: UInt64 = 0

    // The server's end.
    private var requests: RequestReader
    /// What the judge hears, as the engine says it.
    var said = ServerLineReader()
    /// The engine does not want to be asked more at present.
    var isPaused = false
    /// Bytes that have come and that nobody has looked at yet.
    var unparsed: [UInt8] = []
    /// The engine knows nothing of the connection any more.
    var isGoneAtServer = false
    var unread = 0

    // The client's end.
    var heard = ServerLineReader()
    /// The client has noticed, or made, the end of the connection.
    var isGoneAtClient = false

    init(
        _ client: Client, _ tenant: Tenant, _ index: Int, _ id: ConnectionID, _ limits: Limits, _ dice: Dice,
        isSlow: Bool, isDeaf: Bool
    ) {
        self.client = client
        self.tenant = tenant
        self.index = index
        self.id = id
        self.dice = dice
        latency = self.dice.pick([0, 1, 1, 5, 40])
        reading = isDeaf ? .never : isSlow ? .slow : .always
        requests = RequestReader(limits: limits)
    }

    var description: String { "connection \(id.rawValue), up to \(latency) ms each way, reads \(reading)" }

    /// The next whole request of those that have come.
    func takeRequest() -> RequestReader.Item? {
        var offset = 0
        let item = unparsed.withUnsafeBytes { requests.next($0, &offset) }
        unparsed.removeFirst(offset)
        return item
    }

    /// When the next piece towards the server arrives.
    func up(_ now: UInt64) -> UInt64 {
        lastUp = max(lastUp, now + delay())
        return lastUp
    }

    func down(_ now: UInt64) -> UInt64 {
        lastDown = max(lastDown, now + delay() + (reading == .slow ? UInt64(dice.roll(300)) * 1_000_000 : 0))
        return lastDown
    }

    /// Nanoseconds.
    private func delay() -> UInt64 {
        if latency == 0 { return 0 }
        let usual = UInt64(dice.roll(latency * 1_000_000))
        return dice.chance(2) ? usual + UInt64(dice.roll(500)) * 1_000_000 : usual
    }

    /// Bytes in pieces as a network makes them.
    func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
        guard bytes.count > 1, dice.chance(10) else { return bytes.isEmpty ? [] : [bytes] }
        let cut = 1 + dice.roll(bytes.count - 1)
        return [Array(bytes[..<cut]), Array(bytes[cut...])]
    }
}
