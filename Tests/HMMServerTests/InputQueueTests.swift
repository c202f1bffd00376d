import HMMEngine
import Testing

@testable import HMMServer

@Suite struct InputQueueTests {
    private func number(_ input: Input?) -> UInt32? {
        if case .disconnected(let id) = input { id.rawValue } else { nil }
    }

    @Test func orderIsKeptThroughGrowthAndWrapping() {
        var queue = InputQueue()
        var sources: [UInt8] = []
        var next: UInt32 = 0
        var expected: UInt32 = 0
        // Amounts that make it grow, run empty, and slide.
        for (added, taken) in [(10, 3), (100, 90), (500, 517), (40, 20), (200, 30), (1, 191)] {
            for _ in 0..<added {
                queue.append(.disconnected(ConnectionID(rawValue: next)))
                next += 1
            }
            for _ in 0..<taken {
                let taken = number(queue.takeFirst(&sources))
                #expect(taken == expected)
                expected += 1
            }
            #expect(queue.count == Int(next - expected))
        }
        queue.removeAll()
        #expect(queue.isEmpty && number(queue.takeFirst(&sources)) == nil)
        queue.releaseMemory()
        queue.append(.tick, source: [7, 8])
        #expect(queue.count == 1 && sources.isEmpty)
        #expect(queue.takeFirst(&sources) == .tick && sources == [7, 8])
    }
}
