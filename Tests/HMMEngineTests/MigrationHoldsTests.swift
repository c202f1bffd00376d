import HMMHarness
import HMMProtocol
import Testing

@testable import HMMEngine
@testable import HMMMemory

/// What an open migration keeps others off is known in few words, however many pages and copies there are.
@Suite struct MigrationHoldsTests {
    @Test func aRangeForEachCopy() throws {
        var peer = EnginePeer()
        try peer.say(
            "mm.create", "mmap 1 0x10000000 200p", "write 1 0x10000000 pattern=41 len=200p", "dev.create gpu0",
            "region.create gpu0 16m", "mirror 1 gpu0 ack=auto", as: "P")
        for _ in 0..<8 { try peer.say("mm.fork 1", as: "P") }
        #expect(try peer.say("migrate.begin 1 0x10000000 200p device", as: "P").last?.hasPrefix("+") ?? false)
        // Its own range, and one for each address space that has been told, which is its own as well.
        #expect(peer.tenant?.engine.heldRanges == 10)
        // Who looks into a copy waits for the migration all the same, at both ends.
        try peer.say("#first read 2 0x10000000 1", "#last read 9 0x100c7000 1", as: "Q")
        #expect(peer.pendingCount == 3)
        #expect(try peer.say("migrate.abort 1", as: "P").last?.hasPrefix("+") ?? false)
        #expect(peer.heard("Q").count == 4)
    }

    @Test func pagesInARowAreOneRange() {
        var told = ToldRanges()
        for page in 0..<100 {
            for space in 1...3 { told.add(place(space, page + space), for: Page(number: UInt64(page))) }
            // A second mapping of the same pages, in the same address space.
            told.add(place(1, page + 1000), for: Page(number: UInt64(page)))
        }
        #expect(told.ranges.count == 4)
        #expect(told.ranges.allSatisfy { $0.range.count == 100 })
    }

    @Test func notEvenScatteredPagesAreManyRanges() {
        var told = ToldRanges()
        let pages = stride(from: 0, to: 8 * ToldRanges.most, by: 2)
        for page in pages { told.add(place(1, page), for: Page(number: UInt64(page))) }
        #expect(told.ranges.count == ToldRanges.most)
        let last = told.ranges.last
        #expect(last?.range.end == Page(number: UInt64(8 * ToldRanges.most - 1)))
    }

    private func place(_ space: Int, _ page: Int) -> Place {
        Place(space: SpaceID(rawValue: UInt32(space)), page: Page(number: UInt64(page)))
    }
}

extension Engine {
    fileprivate var heldRanges: Int {
        (0..<operations.count).reduce(0) { $0 + (operations[$1].held?.count ?? 0) }
    }
}
