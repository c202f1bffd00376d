internal import Glibc

/// What a socket receives, counted; the start of a line is kept until its rest comes.
final class AnswerStream {
    let socket: BenchSocket
    var counter = AnswerCounter()
    private var plaintext: UnsafeMutableRawBufferPointer
    /// Bytes of `plaintext` that are the start of a line.
    private var carried = 0

    init(_ socket: BenchSocket) {
        self.socket = socket
        plaintext = .allocate(byteCount: 65536, alignment: 16)
    }

    deinit { plaintext.deallocate() }

    /// Takes all that has come and acknowledges the events in it; returns how many those were.
    @discardableResult
    func receive() throws(ClientError) -> Int {
        while true {
            let room = UnsafeMutableRawBufferPointer(rebasing: plaintext[carried...])
            let count = try socket.receive(into: room)
            if count == 0 { break }
            let filled = carried + count
            let done = counter.take(UnsafeRawBufferPointer(rebasing: plaintext[..<filled]))
            carried = filled - done
            if carried > 0, done > 0, let base = plaintext.baseAddress { memmove(base, base + done, carried) }
            if carried == plaintext.count { grow() }
        }
        return try acknowledge()
    }

    private func acknowledge() throws(ClientError) -> Int {
        let events = counter.events
        guard !events.isEmpty else { return 0 }
        counter.events = []
        try socket.send("ack " + events.map(String.init).joined(separator: " "))
        return events.count
    }

    private func grow() {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: plaintext.count * 2, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(plaintext))
        plaintext.deallocate()
        plaintext = larger
    }
}
