import HMMProtocol
import Testing

@testable import HMMEngine

@Suite struct QueueTests {
    @Test func whatComesFirstGoesFirst() {
        var queue = Queue<Int>()
        var next = 0
        for step in 0..<1000 {
            queue.append(step)
            if step % 3 > 0 {
                #expect(queue.popFirst() == next)
                next += 1
            }
            #expect(queue.count == step + 1 - next)
            #expect(queue.waiting.first == (queue.isEmpty ? nil : next))
        }
        while let element = queue.popFirst() {
            #expect(element == next)
            next += 1
        }
        #expect(next == 1000)
        #expect(queue.isEmpty && queue.places.isEmpty)
    }

    /// One that always holds something gives emptied places back all the same.
    @Test(arguments: [1, 2, 100]) func itDoesNotGrowForEver(_ waiting: Int) {
        var queue = Queue<Int>()
        for element in 0..<waiting { queue.append(element) }
        for element in 0..<10_000 {
            queue.append(element)
            _ = queue.popFirst()
            #expect(queue.places.count <= 2 * waiting + 17)
        }
        #expect(queue.count == waiting)
    }

    @Test func whatHasGoneIsNotKept() {
        final class Thing {}
        var queue = Queue<Thing>()
        let first = Thing()
        weak var second: Thing?
        queue.append(first)
        do {
            let thing = Thing()
            second = thing
            queue.append(thing)
        }
        queue.append(first)
        #expect(second != nil)
        _ = queue.popFirst()
        _ = queue.popFirst()
        #expect(second == nil)
    }

    /// The lane of a client that never lets it run empty.
    @Test func aLaneKnowsWhatItHolds() {
        var lane = Lane()
        let item = Lane.Item.refused(Failure(.busy, "later"), closes: false)
        for _ in 0..<3 { lane.enqueue(item) }
        for _ in 0..<1000 {
            lane.enqueue(item)
            #expect(lane.dequeue() == item)
            #expect(lane.queuedBytes == 3 * item.cost)
        }
        for _ in 0..<3 { #expect(lane.dequeue() == item) }
        #expect(lane.isEmpty && lane.queuedBytes == 0 && lane.dequeue() == nil)
    }
}
