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
}
