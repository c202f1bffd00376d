/// One connection under load: sends from its tape, counts answers, remembers when each request was due.
final class BenchConnection {
    private let stream: AnswerStream
    private let tape: RequestTape
    private var position = 0
    private let depth: Int
    /// When each unanswered request was sent, or should have been, in nanoseconds: a ring, oldest first.
    private let due: UnsafeMutablePointer<UInt64>
    private var oldest = 0
    private(set) var outstanding = 0
    /// Fixed rate: times at which requests should have been sent that found no room.
    private var late: [UInt64] = []
    private var firstLate = 0

    init(_ socket: BenchSocket, tape: RequestTape, depth: Int) {
        stream = AnswerStream(socket)
        self.tape = tape
        self.depth = depth
        due = .allocate(capacity: depth)
    }

    deinit { due.deallocate() }

    var socket: BenchSocket { stream.socket }
    var counter: AnswerCounter { stream.counter }

    /// Sends as many requests as there is room for.
    func fill(at now: UInt64) throws(ClientError) { try send(depth - outstanding) { _ in now } }

    /// A request is due at `time`; it is sent when there is room.
    func schedule(_ time: UInt64) { late.append(time) }

    /// Sends what is due, as far as there is room.
    func sendDue() throws(ClientError) {
        let count = min(depth - outstanding, late.count - firstLate)
        guard count > 0 else { return }
        try send(count) { late[firstLate + $0] }
        firstLate += count
        if firstLate == late.count {
            late.removeAll(keepingCapacity: true)
            firstLate = 0
        }
    }

    private func send(_ count: Int, _ time: (Int) -> UInt64) throws(ClientError) {
        var slot = oldest + outstanding
        for index in 0..<count {
            if slot >= depth { slot -= depth }
            due[slot] = time(index)
            slot += 1
        }
        outstanding += count
        let octets = tape.octets
        var left = count
        while left > 0 {
            // As one piece up to the end of the tape.
            let run = min(left, tape.count - position)
            let range = tape.starts[position]..<tape.starts[position + run]
            try octets.span.withUnsafeBytes { bytes throws(ClientError) in
                try socket.send(UnsafeRawBufferPointer(rebasing: bytes[range]))
            }
            position = position + run == tape.count ? 0 : position + run
            left -= run
        }
    }

    /// Takes what has come; `record` gets the time each answered request was due. Returns the number of answers.
    func receive(_ record: (UInt64) -> Void) throws(ClientError) -> Int {
        let before = stream.counter.answers
        try stream.receive()
        let answers = min(stream.counter.answers - before, outstanding)
        for _ in 0..<answers {
            record(due[oldest])
            oldest = oldest + 1 == depth ? 0 : oldest + 1
        }
        outstanding -= answers
        return answers
    }
}
