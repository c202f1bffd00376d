internal import HMMMemory
internal import HMMProtocol

/// What the engine knows of one connection.
struct Session {
    let principal: Principal
    /// What `hello` said.
    var client = ShortName.none
    var capabilities: Capabilities = []
    /// It has just come to want to know of the quota.
    var isNewListener = false
    /// The licence it declares; nil when it says nothing.
    var licence: Licence?
    var mirrors: [MirrorID] = []
    /// Requests of the untagged lane that wait for the one before them.
    var lane = Lane()
    /// Tags of requests that have begun and not been answered.
    var tags: [Tag] = []
    var nextEvent: UInt64 = 1
    /// Events that wait for an acknowledgement, in ascending order.
    var openEvents: [OpenEvent] = []
    /// The connection is being closed: what it still sends is ignored.
    var isClosing = false
    var isReadingPaused = false
    /// Bytes answered from the untagged queue since the client is known to have taken all before.
    var bytesFromQueue = 0

    /// No request of the connection waits for anything.
    var isIdle: Bool { tags.isEmpty && !lane.isBusy && lane.isEmpty }

    /// The number of the next event; they have no gaps.
    mutating func takeEventNumber() -> UInt64 {
        defer { nextEvent += 1 }
        return nextEvent
    }

    /// The event numbered `number`, which no longer waits.
    mutating func closeEvent(_ number: UInt64) -> OpenEvent? {
        guard let index = openEvents.firstIndex(where: { $0.number == number }) else { return nil }
        return openEvents.remove(at: index)
    }

    /// Mirrors have gone, in ascending order, and nobody acknowledges for them any more: the requests that wait for
    /// them.
    mutating func closeEvents(of mirrors: [MirrorID]) -> [OperationID] {
        var operations: [OperationID] = []
        openEvents.removeAll { event in
            guard mirrors.contains(ascending: event.mirror) else { return false }
            if operations.last != event.operation { operations.append(event.operation) }
            return true
        }
        return operations
    }
}

/// An `inval` event without its acknowledgement.
struct OpenEvent: Equatable {
    let number: UInt64
    let mirror: MirrorID
    let range: PageRange
    /// The request that waits for it.
    let operation: OperationID
}

/// The untagged requests of a connection: one runs, the others wait in order.
struct Lane {
    enum Item: Equatable {
        case request(Request)
        case refused(Failure, closes: Bool)

        /// It has brought more than its line.
        var hasData: Bool {
            switch self {
            case .request(let request): request.payload > 0
            case .refused: false
            }
        }

        /// Bytes it holds, nearly.
        var cost: Int {
            switch self {
            case .request(let request): 64 + request.payload
            case .refused: 64
            }
        }
    }

    /// A request has begun and not been answered, or the next one is about to begin.
    var isBusy = false
    private var queue = Queue<Item>()
    private(set) var queuedBytes = 0

    var isEmpty: Bool { queue.isEmpty }

    mutating func enqueue(_ item: Item) {
        queue.append(item)
        queuedBytes += item.cost
    }

    mutating func dequeue() -> Item? {
        guard let item = queue.popFirst() else { return nil }
        queuedBytes -= item.cost
        return item
    }

    mutating func removeAll() {
        queue.removeAll()
        queuedBytes = 0
    }
}
