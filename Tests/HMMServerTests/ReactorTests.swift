import Glibc
import Synchronization
import Testing

@testable import HMMServer

@Suite struct ReactorTests {
    @Test func jobsRunInOrderAndTimersWhenDue() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let order = Mutex<[Int]>([])
        await withCheckedContinuation { done in
            loop.execute {
                let now = EventLoop.clock()
                _ = loop.schedule(at: now + 3_000_000) {
                    order.withLock { $0.append(4) }
                    done.resume()
                }
                _ = loop.schedule(at: now + 1_000_000) { order.withLock { $0.append(3) } }
                let never = loop.schedule(at: now + 2_000_000) { order.withLock { $0.append(99) } }
                loop.cancel(never)
                order.withLock { $0.append(1) }
            }
            loop.execute { order.withLock { $0.append(2) } }
        }
        #expect(order.withLock { $0 } == [1, 2, 3, 4])
    }

    @Test func aStoppedLoopForgetsItsJobsAndTimers() async throws {
        let (gone, forget) = AsyncStream.makeStream(of: Void.self)
        weak var released: EventLoop?
        do {
            let loop = try EventLoop()
            released = loop
            let sentinel = Sentinel { forget.finish() }
            loop.execute { _ = loop.schedule(at: .max) { withExtendedLifetime((loop, sentinel)) {} } }
            loop.stop()
            loop.execute {}
        }
        // Ends when the sentinel does.
        for await _ in gone {}
        for _ in 0..<3000 where released != nil { try await Task.sleep(for: .milliseconds(10)) }
        #expect(released == nil)
    }

    private final class Sentinel: Sendable {
        let gone: @Sendable () -> Void
        init(_ gone: @escaping @Sendable () -> Void) { self.gone = gone }
        deinit { gone() }
    }

    @Test func unsentBytesKeepTheirOrder() {
        var unsent = UnsentBytes()
        var next: UInt8 = 0
        var expected: UInt8 = 0
        for (added, room) in [(10, 3), (100, 90), (50, 0), (7, 40), (200, 300), (1, 1)] {
            let bytes = (0..<added).map { _ in
                defer { next &+= 1 }
                return next
            }
            bytes.withUnsafeBytes { unsent.append($0) }
            var left = room
            let isEmpty = unsent.drain { offered in
                // Never more than seven at once.
                let taken = min(offered.count, left, 7)
                for byte in offered.prefix(taken) {
                    #expect(byte == expected)
                    expected &+= 1
                }
                left -= taken
                return taken
            }
            #expect(isEmpty == unsent.isEmpty)
        }
    }

    /// A client that is always a little behind: something is left after every send.
    @Test func unsentBytesDoNotPileUpBehindASteadyReader() {
        var unsent = UnsentBytes()
        let bytes = [UInt8](repeating: 1, count: 1000)
        bytes.withUnsafeBytes { unsent.append($0) }
        for _ in 0..<10_000 {
            bytes.withUnsafeBytes { unsent.append($0) }
            var left = 1000
            _ = unsent.drain { offered in
                let taken = min(offered.count, left)
                left -= taken
                return taken
            }
            #expect(unsent.count == 1000)
            #expect(unsent.capacity <= 16_384)
        }
    }
}
