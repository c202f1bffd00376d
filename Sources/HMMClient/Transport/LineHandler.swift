internal import HMMProtocol
internal import HMMTLS
internal import NIOCore

/// Cuts what arrives into lines and puts them in the inbox.
final class LineHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: LineInbox
    private var reader = ServerLineReader()
    /// Without TLS there is no other end than the end of the stream.
    private var endsProperly: Bool

    init(inbox: LineInbox, isPlain: Bool) {
        self.inbox = inbox
        endsProperly = isPlain
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unwrapInboundIn(data).withUnsafeReadableBytes { reader.append($0) }
        var items: [ServerLineReader.Item] = []
        do throws(ServerLineError) {
            while let item = try reader.next() { items.append(item) }
        } catch {
            inbox.deliver(items)
            inbox.finish(.malformed(error))
            context.close(promise: nil)
            return
        }
        if inbox.deliver(items) { context.channel.setOption(.autoRead, value: false).whenFailure { _ in } }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .endedProperly? = event as? TransportEvent { endsProperly = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let reason =
            if let error = error as? TLSError, error.kind == .peerClosedWithoutNotify {
                error.reason
            } else {
                "\(error)"
            }
        inbox.finish(.connectionLost(reason))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let isWhole = endsProperly && !reader.isMidLine
        inbox.finish(isWhole ? nil : .connectionLost("the stream ended without a goodbye"))
    }
}
