import Testing

@testable import HMMMemory

/// Which mirrors have pages of a range, of few and of many thousands.
@Suite struct MirrorIndexTests {
    private static func found(_ index: MirrorIndex, _ range: PageRange) -> [UInt32] {
        var found: [UInt32] = []
        index.forEach(overlapping: range) { found.append($0.rawValue) }
        return found.sorted()
    }

    /// Mirrors come and go in any order; what is found is what a look at each of them finds.
    @Test func againstAPlainList() {
        var index = MirrorIndex()
        var all: [UInt32: PageRange] = [:]
        var random: UInt64 = 7
        func next(_ bound: UInt64) -> UInt64 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (random >> 33) % bound
        }
        for id in UInt32(1)...3000 {
            let range = PageRange(next(1000), count: next(20) == 0 ? 300 : 1 + next(8))
            index.insert(MirrorID(rawValue: id), range)
            all[id] = range
            // First they become many, later few.
            for _ in 0..<(id > 1500 ? 2 : 0) {
                guard let gone = all.keys.min(by: { $0 &* 0x9e37_79b1 < $1 &* 0x9e37_79b1 }) else { break }
                index.remove(MirrorID(rawValue: gone), all[gone] ?? range)
                all[gone] = nil
            }
            guard id % 10 == 0 else { continue }
            let asked = PageRange(next(1000), count: 1 + next(50))
            #expect(Self.found(index, asked) == all.filter { $0.value.overlaps(asked) }.keys.sorted())
        }
        for (id, range) in all { index.remove(MirrorID(rawValue: id), range) }
        #expect(index.isEmpty)
    }

    /// Few places are looked at where few can be concerned, whatever else is mirrored.
    @Test func mostAreNotLookedAt() {
        var index = MirrorIndex()
        for id in UInt32(1)...8192 { index.insert(MirrorID(rawValue: id), PageRange(UInt64(id) * 2, count: 1)) }
        #expect(index.forEach(overlapping: PageRange(16000, count: 1)) { _ in } < 200)
        // Those that have gone leave no empty pieces to look at.
        for id in UInt32(1)...8192 where id % 64 != 0 {
            index.remove(MirrorID(rawValue: id), PageRange(UInt64(id) * 2, count: 1))
        }
        #expect(index.forEach(overlapping: PageRange(16000, count: 1)) { _ in } < 100)
    }

    @Test func membershipInAscendingOrder() {
        let ids = [2, 3, 5, 9].map { MirrorID(rawValue: $0) }
        #expect((0...10).filter { ids.contains(ascending: MirrorID(rawValue: $0)) } == [2, 3, 5, 9])
        #expect(![MirrorID]().contains(ascending: MirrorID(rawValue: 1)))
    }
}
