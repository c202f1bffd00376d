import Testing

@testable import HMMMemory

@Suite struct RemappingTests {
    private static let four = PageRange(16, count: 4)

    private func remap(
        _ bench: inout Bench, _ old: PageRange = Self.four, count: UInt64 = 4, to target: UInt64? = nil,
        mayMove: Bool = true, keepsOld: Bool = false
    ) -> (Remapping, Course) {
        var work = Remapping(
            bench.space, old, count: count, to: target.map { Page(number: $0) }, mayMove: mayMove, keepsOld: keepsOld,
            areaLimit: 9)
        let course = bench.machine.run(&work)
        return (work, course)
    }

    private func areas(_ bench: borrowing Bench) -> [[UInt64]] {
        bench.machine.spaces[0].areas.areas.map { [$0.range.start.number, $0.range.count] }
    }

    /// Pages move as they are, those on a device with them; the old place is announced, and what was at the new one.
    @Test func moving() throws {
        var bench = try Bench(pages: 8)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, PageRange(16, count: 8), "r")
        bench.moveToDevice(PageRange(17, count: 1))
        try bench.map(40, 6, .read)
        _ = bench.machine.read(bench.space, Page(number: 41))
        bench.fault(mirror, PageRange(16, count: 8))
        let (work, course) = remap(&bench, to: 40)
        #expect(
            course
                == Course(announced: [
                    Invalidation(bench.space, PageRange(40, count: 4), .unmap),
                    Invalidation(bench.space, Self.four, .unmap),
                ]))
        #expect(work.range == PageRange(40, count: 4) && areas(bench) == [[20, 4], [40, 4], [44, 2]])
        #expect(bench.picture(40, 4) == "SDSS" && bench.picture(16, 5) == "----S")
        #expect(bench.machine.picture(mirror, PageRange(16, count: 8)) == "----SSSS")
        // It is found at its new place.
        bench.machine.run(Eviction([bench.machine.regions.id(at: 0)], bench.machine))
        #expect(bench.picture(40, 4) == "SSSS")
        #expect(bench.machine.read(bench.space, Page(number: 41)) == "r")
    }

    /// Back where it came from it is one area with what stayed.
    @Test func thereAndBack() throws {
        var bench = try Bench(pages: 8)
        bench.machine.write(bench.space, PageRange(16, count: 8), "r")
        _ = remap(&bench, to: 40)
        let (_, course) = remap(&bench, PageRange(40, count: 4), to: 16)
        #expect(course.announced.map(\.range) == [PageRange(40, count: 4)] && areas(bench) == [[16, 8]])
        #expect(bench.picture(16, 8) == "SSSSSSSS")
    }

    @Test func shrinkingAndGrowing() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.four)
        let (less, course) = remap(&bench, count: 2)
        #expect(course.announced == [Invalidation(bench.space, PageRange(18, count: 2), .unmap)])
        #expect(less.range == PageRange(16, count: 2) && bench.picture(16, 4) == "SS--")
        let (more, none) = remap(&bench, PageRange(16, count: 2), count: 6, mayMove: false)
        #expect(more.range == PageRange(16, count: 6) && none == Course() && areas(bench) == [[16, 6]])
        // Where another area follows it moves, or is refused.
        try bench.map(22, 1, .read)
        let (refused, failed) = remap(&bench, PageRange(16, count: 6), count: 7, mayMove: false)
        #expect(refused.refusal == .noGap && failed.fault?.cause == .refused && areas(bench) == [[16, 6], [22, 1]])
        let (moved, told) = remap(&bench, PageRange(16, count: 6), count: 7)
        let place = AddressSpace.highest.number - 7
        #expect(moved.range == PageRange(place, count: 7) && told.announced.map(\.range) == [PageRange(16, count: 6)])
        #expect(bench.picture(place, 7) == "SS-----" && areas(bench) == [[22, 1], [place, 7]])
    }

    /// The old place stays and is empty; both have pages of their own from then on.
    @Test func keepingTheOldPlace() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.four, "o")
        let (work, course) = remap(&bench, to: 40, keepsOld: true)
        #expect(work.range == PageRange(40, count: 4))
        #expect(course.announced == [Invalidation(bench.space, Self.four, .unmap)])
        #expect(
            areas(bench) == [[16, 4], [40, 4]] && bench.picture(16, 4) == "----" && bench.picture(40, 4) == "SSSS")
        bench.machine.write(bench.space, Self.four, "n")
        #expect(bench.machine.read(bench.space, Page(number: 40)) == "o")
    }

    /// An old length of 0 makes a second mapping of shared memory, and of no other.
    @Test func duplicating() throws {
        var bench = try Bench(pages: 0)
        try bench.map(16, 4, [.read, .write], .file, shared: true)
        bench.machine.write(bench.space, PageRange(17, count: 1), "s")
        let (work, course) = remap(&bench, PageRange(17, count: 0), count: 2, to: 40)
        #expect(course == Course() && work.range == PageRange(40, count: 2) && areas(bench) == [[16, 4], [40, 2]])
        #expect(bench.machine.read(bench.space, Page(number: 40)) == "s" && bench.picture(17, 1) == "S")
        try bench.map(60, 4)
        #expect(remap(&bench, PageRange(60, count: 0), count: 2, to: 80).1.fault?.cause == .wrongKind)
    }

    @Test func refusals() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.four)
        #expect(remap(&bench, to: 18).1 == Course(fault: MemoryFault(.wrongKind, Page(number: 16))))
        #expect(remap(&bench, PageRange(30, count: 1), to: 40).1.fault?.cause == .notMapped)
        #expect(remap(&bench, PageRange(16, count: 5), count: 5, to: 40).1.fault?.cause == .notMapped)
        #expect(remap(&bench, to: 8).0.refusal == .tooLow)
        #expect(areas(bench) == [[16, 4]] && bench.picture(16, 4) == "SSSS")
    }

    /// A huge page moves as one to where another can be, and in pieces elsewhere.
    @Test(arguments: [2048, 2050] as [UInt64]) func aHugePage(_ target: UInt64) throws {
        var bench = try Bench(pages: 0)
        try bench.mapHuge(512)
        let whole = PageRange(512, count: 512)
        let (_, course) = remap(&bench, whole, count: 512, to: target)
        let isWhole = target == 2048
        #expect(course.fault == nil && bench.entry(target).isHuge == isWhole)
        #expect(course.announced.map(\.reason) == (isWhole ? [.unmap] : [.clear, .unmap]))
        #expect(bench.machine.read(bench.space, Page(number: target), count: 4) == "huge")
        #expect(bench.picture(512, 2) == "--" && bench.machine.spaces[0].resident == 512)
    }

    /// The old place keeps its tables and the new one gets as many: where there are none for it nothing happens, be it
    /// that something was mapped there.
    @Test(arguments: [true, false]) func tablesForTheNewPlace(_ keepsOld: Bool) throws {
        var bench = try Bench(pages: 4)
        for page in 16..<20 as Range<UInt64> { _ = bench.machine.read(bench.space, Page(number: page)) }
        let target: UInt64 = 5 << 27
        try bench.map(target, 1)
        let used = bench.machine.tableNodesUsed
        bench.machine.setTableLimit(used + 2)
        let before = bench.machine.wholeState()
        let (_, course) = remap(&bench, to: target, keepsOld: keepsOld)
        #expect(course == Course(fault: MemoryFault(.limit, Page(number: 16))))
        #expect(bench.machine.wholeState() == before && bench.machine.tableNodesUsed == used)
        bench.machine.setTableLimit(used + 3)
        #expect(remap(&bench, to: target, keepsOld: keepsOld).1.fault == nil)
        #expect(bench.machine.tableNodesUsed == (keepsOld ? used + 3 : used) && bench.machine.promised == 0)
        #expect(bench.picture(target, 4) == "zzzz")
    }

    /// So it is where huge mappings become small ones on the way, or at the ends.
    @Test(arguments: [(2048, 4), (2050, 7)] as [(UInt64, UInt64)])
    func tablesForHugeMappings(_ target: UInt64, _ nodes: UInt64) throws {
        var bench = try Bench(pages: 0)
        try bench.map(512, 1024)
        bench.machine.run(AdviceChange(bench.space, PageRange(512, count: 1024), .hugePage))
        for page in [512, 1024] as [UInt64] { _ = bench.machine.read(bench.space, Page(number: page)) }
        let old = PageRange(512, count: 516)
        let used = bench.machine.tableNodesUsed
        var spare: UInt64 = 0
        while true {
            bench.machine.setTableLimit(used + spare)
            let before = bench.machine.wholeState()
            let (_, course) = remap(&bench, old, count: 516, to: target)
            guard course.fault != nil else { break }
            #expect(course == Course(fault: MemoryFault(.limit, Page(number: 512))))
            #expect(bench.machine.wholeState() == before && bench.machine.tableNodesUsed == used)
            spare += 1
            try #require(spare < 20)
        }
        #expect(bench.machine.tableNodesUsed <= used + spare && bench.machine.promised == 0)
        #expect(spare <= nodes)
    }

    /// Whoever looks for what has to be split goes on where it was, and counts what it looks at.
    @Test func manyHugeMappings() throws {
        var spent: [UInt64] = []
        for count in [32, 64] as [UInt64] {
            var bench = try Bench(pages: 0)
            let range = PageRange(512, count: count * 512)
            try bench.map(512, count * 512)
            bench.machine.run(AdviceChange(bench.space, range, .hugePage))
            for index in 0..<count { _ = bench.machine.read(bench.space, Page(number: 512 + index * 512)) }
            var work = Remapping(
                bench.space, range, count: range.count, to: Page(number: 1 << 20 + 1), mayMove: true, keepsOld: false,
                areaLimit: 9)
            let before = bench.machine.spent
            var told: UInt64 = 0
            while case .invalidate(let invalidation) = work.step(&bench.machine), invalidation.range != range {
                bench.machine.announce(invalidation)
                told += 1
            }
            // The target is told of before, and found empty.
            #expect(told == count)
            spent.append(bench.machine.spent - before)
        }
        #expect(spent[1] < 2 * spent[0] + 512 && spent[0] > 32 * 36)
    }
}
