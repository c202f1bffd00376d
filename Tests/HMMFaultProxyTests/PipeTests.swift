import NIOCore
import NIOEmbedded
import Testing

@testable import HMMFaultProxy

/// One direction, piece by piece: what a socket's receiver cannot tell apart.
@Suite struct PipeTests {
    /// A pipe between two ends in memory.
    private final class Ends {
        let source = EmbeddedChannel()
        let sink = EmbeddedChannel()
        let pipe: Pipe
        private final class Heard { var kinds: [Faults.Kind] = [] }
        private let heard = Heard()

        init(_ faults: Faults) {
            let heard = heard
            pipe = Pipe(faults, on: sink.embeddedEventLoop) { heard.kinds.append($0) }
            pipe.connect(from: source, to: sink)
        }

        func take(_ bytes: String) { pipe.take(ByteBuffer(string: bytes)) }

        /// Pieces that have been delivered since the last time.
        func delivered() throws -> [String] {
            var pieces: [String] = []
            while let piece = try sink.readOutbound(as: ByteBuffer.self) { pieces.append(String(buffer: piece)) }
            return pieces
        }

        var kinds: [Faults.Kind] { heard.kinds }

        /// Whatever waits for its time is forgotten.
        func finish() {
            pipe.lose()
            sink.embeddedEventLoop.advanceTime(to: .distantFuture)
        }
    }

    @Test func piecesAreAsSmallAsTheyAreToBe() throws {
        var faults = Faults()
        #expect(try pieces(of: "hello", faults) == ["hello"])
        faults.segmentBytes = 1
        #expect(try pieces(of: "hello", faults) == ["h", "e", "l", "l", "o"])
        faults.segmentBytes = 2
        #expect(try pieces(of: "hello", faults) == ["he", "ll", "o"])
    }

    private func pieces(of text: String, _ faults: Faults) throws -> [String] {
        let ends = Ends(faults)
        ends.take(text)
        return try ends.delivered()
    }

    @Test func whatIsLateWaits() throws {
        var faults = Faults()
        faults.latencyMilliseconds = 3_600_000
        let ends = Ends(faults)
        ends.take("a")
        ends.take("b")
        #expect(try ends.delivered().isEmpty)
        // It goes on taking meanwhile, up to a bound.
        #expect(ends.pipe.wantsMore)
        ends.pipe.take(ByteBuffer(repeating: 0, count: 1 << 20))
        #expect(!ends.pipe.wantsMore)
        ends.finish()
    }

    @Test(arguments: Faults.Kind.allCases) func endsAfterItsBytes(_ kind: Faults.Kind) throws {
        var faults = Faults()
        faults.ending = .init(kind, afterBytes: 4)
        let ends = Ends(faults)
        ends.take("abc")
        #expect(try ends.delivered() == ["abc"] && ends.kinds.isEmpty && ends.pipe.wantsMore)
        ends.take("def")
        #expect(try ends.delivered() == ["d"] && ends.kinds == [kind])
        ends.take("ghi")
        #expect(try ends.delivered().isEmpty && ends.kinds == [kind] && !ends.pipe.wantsMore)
        // Half open: everything is taken, and goes nowhere.
        ends.pipe.lose()
        ends.take("jkl")
        #expect(try ends.delivered().isEmpty && ends.pipe.wantsMore)
    }
}
