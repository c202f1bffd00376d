internal import HMMTLS
internal import NIOCore

/// Puts a `TLSSession` between the socket and the handlers that speak plain text.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Progress { case handshake, ready, ended }

    private let session: TLSSession
    private var progress = Progress.handshake

    init(_ session: TLSSession) { self.session = session }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        advance(context, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unwrapInboundIn(data).withUnsafeReadableBytes { advance(context, $0) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        session.inputEnded()
        advance(context, UnsafeRawBufferPointer(start: nil, count: 0))
        context.fireChannelInactive()
    }

    /// Feeds `ciphertext` to the session and passes on what comes out on either side. Nothing is passed on while the
    /// session holds borrowed memory: who receives it may write.
    private func advance(_ context: ChannelHandlerContext, _ ciphertext: UnsafeRawBufferPointer) {
        guard progress != .ended else { return }
        var output = context.channel.allocator.buffer(capacity: 4096)
        var plaintext = context.channel.allocator.buffer(capacity: ciphertext.count)
        var outcome = TLSSession.ReadOutcome.needsInput
        session.beginInput(ciphertext)
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: 4096) { window in
            session.beginOutput(window)
            outcome = takeInput(into: &plaintext)
            return session.endOutput()
        }
        session.endInput()
        takePendingOutput(&output)
        if output.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(output), promise: nil) }
        if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
        switch outcome {
        case .bytes, .needsInput: break
        case .closed:
            progress = .ended
            context.fireUserInboundEventTriggered(TransportEvent.endedProperly)
            context.close(promise: nil)
        case .failed(let error):
            progress = .ended
            context.fireErrorCaught(error)
            context.close(promise: nil)
        }
    }

    private func takeInput(into plaintext: inout ByteBuffer) -> TLSSession.ReadOutcome {
        if progress == .handshake {
            switch session.handshake() {
            case .incomplete: return .needsInput
            case .complete: progress = .ready
            case .failed(let error): return .failed(error)
            }
        }
        while true {
            var outcome = TLSSession.ReadOutcome.needsInput
            plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: 16384) { window in
                outcome = session.read(into: window)
                if case .bytes(let count) = outcome { return count }
                return 0
            }
            guard case .bytes = outcome else { return outcome }
        }
    }

    private func takePendingOutput(_ output: inout ByteBuffer) {
        while session.pendingOutput > 0 {
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: session.pendingOutput) { window in
                session.takePendingOutput(into: window)
            }
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let plaintext = unwrapOutboundIn(data)
        var failure: TLSError?
        var output = context.channel.allocator.buffer(
            capacity: TLSSession.ciphertextBound(forPlaintext: plaintext.readableBytes))
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { window in
            session.beginOutput(window)
            failure = plaintext.withUnsafeReadableBytes { session.write($0) }
            return session.endOutput()
        }
        takePendingOutput(&output)
        if let failure {
            promise?.fail(failure)
        } else {
            context.write(wrapOutboundOut(output), promise: promise)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        if case .abort? = event as? TransportEvent { progress = .ended }
        promise?.succeed()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if progress == .ready {
            progress = .ended
            var output = context.channel.allocator.buffer(capacity: 256)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: 256) { window in
                session.beginOutput(window)
                session.close()
                return session.endOutput()
            }
            takePendingOutput(&output)
            context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        }
        context.close(mode: mode, promise: promise)
    }
}

/// News that travel up the pipeline beside the bytes.
enum TransportEvent: Sendable {
    /// The server has said that nothing more will come.
    case endedProperly
    /// Close without saying so.
    case abort
}
