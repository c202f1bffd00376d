import Testing

@testable import HMMMemory

/// The sequence of a space and those of its mirrors, and who is told.
@Suite struct SequenceTests {
    private static func clear(_ space: SpaceID, _ start: UInt64, _ count: UInt64 = 1) -> Invalidation {
        Invalidation(space, PageRange(start, count: count), .clear)
    }

    private static func sequences(_ machine: borrowing Machine) -> [UInt64] {
        [machine.spaces[0].sequence] + (0..<machine.mirrors.count).map { machine.mirrors[$0].sequence }
    }

    @Test func oddWhileSomeMirrorIsConcerned() throws {
        var bench = try Bench()
        let low = try required(bench.machine.makeMirror(bench.space, bench.gpu, PageRange(16, count: 4)))
        let high = try required(bench.machine.makeMirror(bench.space, bench.other, PageRange(18, count: 10)))
        #expect(Self.sequences(bench.machine) == [2, 1, 1])
        // Whoever is not concerned keeps his number; a range that concerns nobody changes none.
        #expect(bench.machine.begin(Self.clear(bench.space, 40)) == [])
        #expect(Self.sequences(bench.machine) == [2, 1, 1])
        bench.machine.end(Self.clear(bench.space, 40))
        #expect(bench.machine.begin(Self.clear(bench.space, 16)) == [low])
        #expect(Self.sequences(bench.machine) == [3, 3, 1])
        // A second one at the same time shares the number, which turns even when all have ended.
        #expect(bench.machine.begin(Self.clear(bench.space, 19)) == [low, high])
        #expect(Self.sequences(bench.machine) == [3, 3, 3])
        bench.machine.end(Self.clear(bench.space, 16))
        #expect(Self.sequences(bench.machine) == [3, 3, 3])
        bench.machine.end(Self.clear(bench.space, 19))
        #expect(Self.sequences(bench.machine) == [4, 3, 3])
        #expect(bench.machine.begin(Self.clear(bench.space, 20)) == [high])
        #expect(Self.sequences(bench.machine) == [5, 3, 5])
        bench.machine.end(Self.clear(bench.space, 20))
        #expect(bench.machine.violations() == [])
    }

    @Test func theExemptAreNotTold() throws {
        var bench = try Bench()
        let own = try bench.mirror()
        let move = Invalidation(bench.space, PageRange(16, count: 1), .migrate, owner: bench.gpu, exempt: [own])
        #expect(bench.machine.begin(move) == [])
        #expect(Self.sequences(bench.machine) == [3, 1])
        bench.machine.end(move)
        #expect(Self.sequences(bench.machine) == [4, 1])
    }

    /// A mirror made in the middle counts as covered by what is under way.
    @Test func aMirrorMadeMeanwhile() throws {
        var bench = try Bench()
        _ = bench.machine.begin(Self.clear(bench.space, 16))
        #expect(bench.machine.spaces[0].sequence == 2)
        _ = try bench.mirror()
        #expect(Self.sequences(bench.machine) == [3, 3])
        _ = try bench.mirror()
        #expect(Self.sequences(bench.machine) == [3, 3, 3])
        bench.machine.end(Self.clear(bench.space, 16))
        _ = try bench.mirror()
        #expect(Self.sequences(bench.machine) == [4, 3, 3, 3])
        #expect(bench.machine.violations() == [])
    }

    @Test func mirrorsComeAndGo() throws {
        var bench = try Bench()
        let first = try bench.mirror()
        let second = try bench.mirror()
        bench.machine.dropMirror(first)
        bench.machine.dropMirror(first)
        #expect(bench.machine.begin(Self.clear(bench.space, 16)) == [second])
        bench.machine.dropMirror(second)
        bench.machine.end(Self.clear(bench.space, 16))
        #expect(bench.machine.spaces[0].mirrors.isEmpty && bench.machine.spaces[0].sequence == 4)
        #expect(bench.machine.makeMirror(SpaceID(rawValue: 9), bench.gpu, AddressSpace.everything) == nil)
        #expect(bench.machine.makeMirror(bench.space, DeviceID(rawValue: 9), AddressSpace.everything) == nil)
        // Unknown things are told nothing.
        #expect(bench.machine.begin(Self.clear(SpaceID(rawValue: 9), 16)) == [])
        bench.machine.end(Self.clear(SpaceID(rawValue: 9), 16))
        bench.machine.letGo(first, AddressSpace.everything)
    }

    /// A mirror lets go of its own range only, however much is named.
    @Test func lettingGo() throws {
        var bench = try Bench()
        let mirror = try required(bench.machine.makeMirror(bench.space, bench.gpu, PageRange(16, count: 4)))
        bench.fault(mirror, PageRange(16, count: 4))
        bench.machine.letGo(mirror, PageRange(18, count: 1))
        #expect(bench.machine.picture(mirror, PageRange(16, count: 4)) == "zz-z")
        bench.machine.letGo(mirror, PageRange(100, count: 1))
        #expect(bench.machine.picture(mirror, PageRange(16, count: 4)) == "zz-z")
        bench.machine.letGo(mirror, AddressSpace.everything)
        #expect(bench.machine.picture(mirror, PageRange(16, count: 4)) == "----")
    }
}
