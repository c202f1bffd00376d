import Testing

@testable import HMMMemory

@Suite struct AreaMapTests {
    private static func area(_ start: UInt64, _ count: UInt64, _ protection: Protection = .read) -> Area {
        Area(range: PageRange(start, count: count), protection: protection)
    }

    /// The areas of a space, as the machine changes them.
    private struct Map: ~Copyable {
        private var machine = Machine(frameLimit: 16)

        init() { _ = machine.makeSpace() }

        var areas: AreaMap { machine.spaces[0].areas }
        mutating func insert(_ area: Area) { machine.insertArea(0, area) }
        mutating func remove(_ range: PageRange) { machine.removeAreas(0, range) }
        mutating func protect(_ range: PageRange, _ protection: Protection) { machine.protect(0, range, protection) }
        func violations() -> [String] { machine.violations() }
    }

    private static func shape(_ map: borrowing Map) -> [[UInt64]] {
        map.areas.areas.map { [$0.range.start.number, $0.range.end.number, UInt64($0.protection.rawValue)] }
    }

    @Test func neighboursAlikeAreOne() {
        var map = Map()
        map.insert(Self.area(10, 2))
        map.insert(Self.area(14, 2))
        map.insert(Self.area(12, 2))
        #expect(Self.shape(map) == [[10, 16, 1]])
        map.insert(Self.area(16, 1, [.read, .write]))
        #expect(Self.shape(map) == [[10, 16, 1], [16, 17, 3]])
        map.protect(PageRange(12, count: 2), [.read, .write])
        #expect(Self.shape(map) == [[10, 12, 1], [12, 14, 3], [14, 16, 1], [16, 17, 3]])
        map.protect(PageRange(14, count: 2), [.read, .write])
        #expect(Self.shape(map) == [[10, 12, 1], [12, 17, 3]])
        map.remove(PageRange(11, count: 3))
        #expect(Self.shape(map) == [[10, 11, 1], [14, 17, 3]])
        map.remove(PageRange(0, count: 100))
        #expect(map.areas.areas.isEmpty)
    }

    /// Random changes against an array that has a protection for each page, or none.
    @Test(arguments: 0..<20 as Range<UInt64>) func agreesWithAnArrayOfPages(_ seed: UInt64) {
        var map = Map()
        var pages = [Protection?](repeating: nil, count: 40)
        var numbers = Numbers(seed: seed)
        for _ in 0..<300 {
            let start = numbers.roll(40)
            let range = PageRange(start, count: 1 + numbers.roll(min(12, 40 - start)))
            let indices = Int(range.start.number)..<Int(range.end.number)
            let protection = [[.read], [.read, .write], []].randomElement(using: &numbers)! as Protection
            switch numbers.roll(3) {
            case 0:
                #expect(map.areas.overlaps(range) == pages[indices].contains { $0 != nil })
                guard !map.areas.overlaps(range) else { break }
                map.insert(Area(range: range, protection: protection))
                for index in indices { pages[index] = protection }
            case 1:
                let before = map.areas.areas.count
                let growth = map.areas.growth(removing: range)
                map.remove(range)
                for index in indices { pages[index] = nil }
                #expect(map.areas.areas.count <= before + growth)
            default:
                guard let area = map.areas.area(at: range.start) else { break }
                let part = range.clamped(to: area.range)
                let before = map.areas.areas.count
                let growth = map.areas.growth(changing: part) { $0.protection != protection }
                map.protect(part, protection)
                for index in part.start.number..<part.end.number { pages[Int(index)] = protection }
                #expect(map.areas.areas.count <= before + growth)
            }
            compare(map.areas, pages)
            #expect(map.violations() == [])
        }
    }

    private func compare(_ map: AreaMap, _ pages: [Protection?]) {
        for (index, protection) in pages.enumerated() {
            #expect(map.area(at: Page(number: UInt64(index)))?.protection == protection)
        }
        // In order, not empty, and no two that could be one.
        for area in map.areas { #expect(!area.range.isEmpty) }
        for (one, next) in zip(map.areas, map.areas.dropFirst()) {
            #expect(
                one.range.end < next.range.start
                    || (one.range.end == next.range.start && one.protection != next.protection))
        }
        compareSearches(map, pages)
    }

    private func compareSearches(_ map: AreaMap, _ pages: [Protection?]) {
        for start in stride(from: 0, to: 40, by: 7) {
            let range = PageRange(UInt64(start), count: UInt64(40 - start) / 2 + 1)
            let indices = Int(range.start.number)..<Int(range.end.number)
            #expect(
                map.firstGap(in: range) { _ in true }?.page.number
                    == indices.first { pages[$0] == nil }.map { UInt64($0) })
            let unreadable = indices.first { !(pages[$0]?.contains(.read) ?? false) }
            let gap = map.firstGap(in: range, \.isReadable)
            #expect(gap?.page.number == unreadable.map { UInt64($0) })
            #expect(gap.map { $0.area == nil } == unreadable.map { pages[$0] == nil })
        }
        for count in 1...6 {
            let start = (3...38 - count).last { start in pages[start..<start + count].allSatisfy { $0 == nil } }
            #expect(
                map.highestGap(UInt64(count), in: PageRange(3, count: 35))?.start.number == start.map { UInt64($0) })
        }
    }

    @Test func gapsAtTheEnds() {
        var map = Map()
        let bounds = PageRange(AddressSpace.lowest, AddressSpace.highest)
        #expect(map.areas.highestGap(bounds.count, in: bounds) == bounds)
        #expect(map.areas.highestGap(bounds.count + 1, in: bounds) == nil)
        map.insert(
            Area(
                range: PageRange(Page(number: AddressSpace.highest.number - 5), AddressSpace.highest), protection: .read
            ))
        #expect(map.areas.highestGap(1, in: bounds)?.end.number == AddressSpace.highest.number - 5)
        map.insert(Self.area(16, 100))
        #expect(map.areas.highestGap(bounds.count - 105, in: bounds)?.start.number == 116)
        #expect(map.areas.highestGap(bounds.count - 104, in: bounds) == nil)
    }

    /// What a range may cost in areas: the check before a cut.
    @Test func growthIsExactAtTheEdges() {
        var map = Map()
        map.insert(Self.area(10, 10))
        map.insert(Self.area(20, 10, [.read, .write]))
        #expect(map.areas.growth(removing: PageRange(10, count: 10)) == 0)
        #expect(map.areas.growth(removing: PageRange(11, count: 3)) == 1)
        #expect(map.areas.growth(removing: PageRange(15, count: 10)) == 0)
        #expect(map.areas.growth(removing: PageRange(0, count: 10)) == 0)
        #expect(map.areas.growth(removing: PageRange(40, count: 10)) == 0)
        #expect(map.areas.growth(changing: PageRange(11, count: 3)) { $0.protection != [] } == 2)
        #expect(map.areas.growth(changing: PageRange(11, count: 3)) { $0.protection != .read } == 0)
        #expect(map.areas.growth(changing: PageRange(15, count: 10)) { $0.protection != [] } == 2)
        #expect(map.areas.growth(changing: PageRange(15, count: 10)) { $0.protection != .read } == 1)
        #expect(map.areas.growth(changing: PageRange(10, count: 20)) { $0.protection != [] } == 0)
        #expect(map.areas.growth(changing: PageRange(5, count: 40)) { $0.protection != [] } == 0)
    }
}
