internal import NIOCore

/// One direction of a connection: takes bytes from one side and delivers them to the other, later, in pieces, or not.
/// Lives on the event loop that both sides share.
final class Pipe {
    /// Bytes that wait for their time; past it the sender has to wait.
    private static let mostQueued = 1 << 20
    /// Pieces delivered in a row, and how long the next ones wait: the receiving system counts every piece as a packet,
    /// and shuts its window when many small ones fill its books.
    private static let turn = 32
    private static let rest = TimeAmount.microseconds(500)

    private struct Piece {
        var bytes: ByteBuffer
        let due: NIODeadline
    }

    private enum State {
        case open
        /// Takes nothing more.
        case stalled
        /// Takes everything and delivers nothing.
        case lost
        /// The sender has ended its side, or has gone; what waits is delivered, then the receiver hears of it.
        case ending, leaving
        case ended
    }

    private let faults: Faults
    private let loop: any EventLoop
    /// What the ending does to the connection as a whole.
    private let end: (Faults.Kind) -> Void
    private var state = State.open
    private var source: (any Channel)?
    private var sink: (any Channel)?
    private var pieces: [Piece] = []
    private var queued = 0
    private var taken = 0
    private var ending: Faults.Kind?
    private var isScheduled = false
    /// When the rate permits the next piece.
    private var free = NIODeadline.uptimeNanoseconds(0)

    init(_ faults: Faults, on loop: any EventLoop, end: @escaping (Faults.Kind) -> Void) {
        self.faults = faults
        self.loop = loop
        self.end = end
    }

    func connect(from source: any Channel, to sink: any Channel) {
        self.source = source
        self.sink = sink
        if faults.ending?.afterBytes == 0 { finishTaking() }
        pump()
    }

    var isConnected: Bool { sink != nil }

    /// The sender may be asked for more.
    var wantsMore: Bool {
        switch state {
        case .open: queued < Self.mostQueued
        case .lost: true
        case .stalled, .ending, .leaving, .ended: false
        }
    }

    func take(_ bytes: ByteBuffer) {
        guard state == .open else { return }
        var bytes = bytes
        let allowed = faults.ending.map { $0.afterBytes - taken } ?? .max
        guard let piece = bytes.readSlice(length: min(allowed, bytes.readableBytes)) else { return }
        taken += piece.readableBytes
        if piece.readableBytes > 0 {
            queued += piece.readableBytes
            pieces.append(Piece(bytes: piece, due: .now() + .milliseconds(faults.latencyMilliseconds)))
        }
        if taken == faults.ending?.afterBytes { finishTaking() }
        pump()
    }

    /// The bytes before the ending have been taken: a stall begins now, the others once they are delivered.
    private func finishTaking() {
        guard let kind = faults.ending?.kind else { return }
        state = .stalled
        ending = kind
    }

    /// Nothing is delivered any more, whatever comes.
    func lose() {
        state = .lost
        pieces = []
        queued = 0
        source?.read()
    }

    func sourceEnded() {
        guard state == .open else { return }
        state = .ending
        pump()
    }

    func sourceClosed() {
        guard state != .stalled, state != .lost else { return }
        state = .leaving
        pump()
    }

    /// Delivers what is due.
    private func pump() {
        guard !isScheduled, let sink else { return }
        var count = 0
        while state != .lost, !pieces.isEmpty {
            let now = NIODeadline.now()
            let due = max(pieces[0].due, free)
            if due > now { return schedule(due) }
            if count == Self.turn { return schedule(now + Self.rest) }
            count += 1
            deliverOne(to: sink, now)
        }
        if state != .lost { finish(sink) }
        if wantsMore { source?.read() }
    }

    private func deliverOne(to sink: any Channel, _ now: NIODeadline) {
        var most = faults.segmentBytes ?? .max
        if let rate = faults.bytesPerSecond { most = min(most, max(1, rate / 100)) }
        let length = min(most, pieces[0].bytes.readableBytes)
        guard let bytes = pieces[0].bytes.readSlice(length: length) else { return }
        queued -= length
        if pieces[0].bytes.readableBytes == 0 { pieces.removeFirst() }
        if let rate = faults.bytesPerSecond {
            free = max(free, now) + .nanoseconds(Int64(length) * 1_000_000_000 / Int64(rate))
        }
        sink.writeAndFlush(bytes, promise: nil)
    }

    /// Everything that was taken has been delivered.
    private func finish(_ sink: any Channel) {
        if let ending {
            self.ending = nil
            end(ending)
        }
        switch state {
        case .ending: sink.close(mode: .output, promise: nil)
        case .leaving: sink.close(promise: nil)
        case .open, .stalled, .lost, .ended: return
        }
        state = .ended
    }

    private func schedule(_ due: NIODeadline) {
        isScheduled = true
        loop.assumeIsolated().scheduleTask(deadline: due) {
            self.isScheduled = false
            self.pump()
        }
    }
}

/// A side of a connection: what arrives goes into one pipe.
final class PipeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let pipe: Pipe
    /// Lives as long as one of its sides.
    private let link: Link

    init(_ pipe: Pipe, of link: Link) {
        self.pipe = pipe
        self.link = link
    }

    /// The server may have been reached before the client's side was ready to be read.
    func channelActive(context: ChannelHandlerContext) { if pipe.isConnected { context.read() } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { pipe.take(unwrapInboundIn(data)) }

    func channelReadComplete(context: ChannelHandlerContext) { if pipe.wantsMore { context.read() } }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { pipe.sourceEnded() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) { pipe.sourceClosed() }
}
