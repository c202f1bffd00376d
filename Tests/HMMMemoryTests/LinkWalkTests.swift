import Testing

@testable import HMMMemory

/// Everyone who may map some pages is met once, whoever comes and goes meanwhile.
@Suite struct LinkWalkTests {
    private var map = ReverseMap()
    private var walk = LinkWalk()
    private var spent: UInt64 = 0
    private var owner = ReverseMap.Owner(object: 1, isAnonymous: true)

    private static func link(_ space: UInt32, _ start: UInt64, _ end: UInt64) -> ReverseMap.Link {
        ReverseMap.Link(
            space: SpaceID(rawValue: space), start: start, end: end, page: Page(number: 100 * UInt64(space)))
    }

    init() { for space in [1, 2, 3] as [UInt32] { map.insert(Self.link(space, 10, 20)) } }

    private mutating func next(_ mapping: Set<UInt32> = [1, 2, 3, 4, 5]) -> UInt32? {
        walk.next(map, of: owner, 12, 13, &spent) { mapping.contains($0.space.rawValue) }?.space.rawValue
    }

    @Test mutating func inOrder() {
        #expect(next() == 1 && next() == 2 && next() == 3 && next() == nil)
        #expect(walk.met.map(\.range.start.number) == [102, 202, 302])
    }

    /// Who comes before the last one that maps the page is told, too.
    @Test mutating func untilTheLastThatSatisfies() {
        #expect(next([2]) == 1 && next([2]) == 2 && next([2]) == nil)
    }

    @Test mutating func whoComesMeanwhile() {
        #expect(next() == 1 && next() == 2)
        map.insert(Self.link(4, 5, 20))
        map.insert(Self.link(5, 10, 20))
        #expect(next() == 4 && next() == 3 && next() == 5 && next() == nil)
    }

    @Test mutating func whoGoesMeanwhile() {
        #expect(next() == 1)
        map.remove([Self.link(2, 10, 20)])
        #expect(next() == 3 && next() == nil)
    }

    /// What was found to map it does so no more; another does by now.
    @Test mutating func whatMapsItChanges() {
        #expect(next([3]) == 1)
        #expect(next([2]) == 2)
        #expect(next([1]) == nil)
    }

    /// The frame is one of another object by now, whose map looks the same but for whom it shows.
    @Test mutating func anotherObject() {
        #expect(next() == 1)
        map = ReverseMap()
        for space in [4, 1, 5] as [UInt32] { map.insert(Self.link(space, 10, 20)) }
        owner = ReverseMap.Owner(object: 2, isAnonymous: true)
        #expect(next() == 4 && next() == 5 && next() == nil)
    }

    /// All of many are met with one look at each.
    @Test mutating func eachIsLookedAtOnce() {
        for space in UInt32(4)...2000 { map.insert(Self.link(space, 10, 20)) }
        while walk.next(map, of: owner, 12, 13, &spent) != nil {}
        #expect(walk.met.count == 2000 && spent < 8 * 2000)
    }
}
