internal import HMMEngine
internal import Logging
internal import NIOCore

/// Stops accepting for a second when that fails, as it does when there are no descriptors left. The socket stays
/// readable meanwhile, and NIO's own delay does not stop listening for that: the loop would spin.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let server: ServerContext
    private var isPausing = false

    init(server: ServerContext) { self.server = server }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError, !isPausing else { return context.fireErrorCaught(error) }
        let now = Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds)
        server.note("cannot accept connections", ["reason": "\(error)"], at: now)
        isPausing = true
        accept(false, context)
        context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
            self.isPausing = false
            self.accept(true, context)
        }
        context.fireErrorCaught(error)
    }

    private func accept(_ wanted: Bool, _ context: ChannelHandlerContext) {
        // Fails only if the channel has been closed.
        try? context.channel.syncOptions?.setOption(.autoRead, value: wanted)
    }
}
