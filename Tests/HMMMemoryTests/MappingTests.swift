import Testing

@testable import HMMMemory

@Suite struct MappingTests {
    @Test func placesAndRefusals() throws {
        var machine = Machine(frameLimit: 16)
        let space = machine.makeSpace()
        func map(_ start: UInt64?, _ count: UInt64, limit: Int = 9) throws(MappingRefusal) -> PageRange {
            let plan = MappingPlan(at: start.map { Page(number: $0) }, count: count, .read)
            return try machine.mapArea(space, plan, areaLimit: limit)
        }
        #expect(try map(16, 4) == PageRange(16, count: 4))
        #expect(throws: MappingRefusal.tooLow) { try map(15, 1) }
        #expect(throws: MappingRefusal.taken(Page(number: 18))) { try map(18, 4) }
        #expect(throws: MappingRefusal.taken(Page(number: 15 + 1))) { try map(16, 1) }
        let top = AddressSpace.highest.number
        #expect(machine.freePlace(space, MappingPlan(at: nil, count: 3, .read)) == PageRange(top - 3, count: 3))
        #expect(try map(nil, 3) == PageRange(top - 3, count: 3))
        #expect(try map(nil, 2) == PageRange(top - 5, count: 2))
        #expect(throws: MappingRefusal.noGap) { try map(nil, top) }
        #expect(throws: MappingRefusal.tooManyAreas) { try map(nil, 1, limit: 2) }
        let gone = SpaceID(rawValue: 9)
        #expect(throws: MappingRefusal.noSpace) {
            try machine.mapArea(gone, MappingPlan(at: nil, count: 1, .read), areaLimit: 9)
        }
        #expect(machine.freePlace(gone, MappingPlan(at: nil, count: 1, .read)) == nil)
    }

    /// One look at the areas finds the place of any mapping.
    @Test func gapsThatGrowFromTheHighestDown() throws {
        var machine = Machine(frameLimit: 16)
        let space = machine.makeSpace()
        let top = AddressSpace.highest.number
        let areas: [(UInt64, UInt64)] = [(16, 100), (5000, 1), (top - 40, 10), (top - 70, 20), (top - 1500, 7)]
        for (start, count) in areas {
            let plan = MappingPlan(at: Page(number: start), count: count, .read)
            _ = try machine.mapArea(space, plan, areaLimit: 9)
        }
        let gaps = machine.growingGaps(space)
        #expect(gaps.map(\.count) == [30, 1423, top - 1500 - 5001])
        for count in [1, 29, 30, 31, 513, 1423, 1424, top - 7000, top] {
            for kind in [Area.Kind.anonymous, .hugetlb] {
                let plan = MappingPlan(at: nil, count: count, .read, kind)
                #expect(plan.place(in: gaps) == machine.freePlace(space, plan))
            }
        }
        #expect(machine.growingGaps(SpaceID(rawValue: 9)) == [])
    }

    @Test func unmappingTellsOnceAndFrees() throws {
        var bench = try Bench(pages: 8)
        try bench.map(26, 4, [.read, .write])
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, PageRange(20, count: 4))
        bench.machine.write(bench.space, PageRange(26, count: 1))
        bench.moveToDevice(PageRange(20, count: 1))
        _ = bench.machine.read(bench.space, Page(number: 27))
        bench.fault(mirror, PageRange(16, count: 6))
        var work = Unmapping(bench.space, PageRange(18, count: 10))
        // One event for the whole span, whatever it holds.
        #expect(bench.machine.run(&work).announced == [Invalidation(bench.space, PageRange(18, count: 10), .unmap)])
        #expect(work.freed == 5)
        #expect(bench.machine.spaces[0].areas.areas.map(\.range) == [PageRange(16, count: 2), PageRange(28, count: 2)])
        #expect(bench.machine.picture(mirror, PageRange(16, count: 12)) == "zz----------")
        #expect(bench.machine.physical.used == 0 && bench.machine.spaces[0].resident == 0)
        #expect(bench.machine.run(Unmapping(bench.space, PageRange(18, count: 10))) == Course())
        #expect(bench.machine.violations() == [])
    }

    @Test func theEndOfASpace() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, PageRange(16, count: 12))
        bench.moveToDevice(PageRange(16, count: 3))
        var work = SpaceExit(bench.space)
        #expect(
            bench.machine.run(&work).announced == [
                Invalidation(bench.space, AddressSpace.everything, .release),
                Invalidation(bench.space, AddressSpace.everything, .unmap),
            ])
        bench.machine.removeSpace(bench.space)
        #expect(work.freed == 12 && bench.machine.physical.used == 0 && bench.machine.tableNodes.used == 0)
        #expect(bench.machine.violations() == [])
        // The mirror is left, of nothing.
        let pages = PageRange(16, count: 1)
        #expect(
            bench.fault(mirror, pages).fault?.cause == .gone)
        #expect(bench.machine.run(CPUAccess(bench.space, pages, write: false)).fault?.cause == .gone)
        #expect(bench.machine.run(SpaceExit(bench.space)).fault?.cause == .gone)
        #expect(bench.machine.run(Unmapping(bench.space, pages)).fault?.cause == .gone)
        #expect(bench.machine.run(ProtectionChange(bench.space, pages, .read)).fault?.cause == .gone)
        #expect(bench.moveToDevice(pages).fault?.cause == .gone)
        bench.machine.dropMirror(mirror)
        #expect(bench.machine.mirrors.count == 0)
    }

    /// What is there goes first, with its own announcement.
    @Test func replacing() throws {
        var bench = try Bench(pages: 8)
        bench.machine.write(bench.space, PageRange(16, count: 8), "old")
        let plan = MappingPlan(at: Page(number: 18), count: 2, .read, replaces: true)
        var work = Mapping(bench.space, plan, areaLimit: 9)
        let place = PageRange(18, count: 2)
        #expect(bench.machine.run(&work) == Course(announced: [Invalidation(bench.space, place, .unmap)]))
        #expect(work.range == place && bench.picture(16, 8) == "SS--SSSS")
        #expect(bench.machine.spaces[0].areas.areas.map(\.protection) == [[.read, .write], .read, [.read, .write]])
        var refused = Mapping(bench.space, plan, areaLimit: 3)
        #expect(bench.machine.run(&refused).fault?.cause == .refused && refused.refusal == .tooManyAreas)
        #expect(bench.machine.spaces[0].areas.areas.count == 3)
    }

    @Test func otherKinds() throws {
        var bench = try Bench(pages: 0)
        #expect(throws: MappingRefusal.unaligned) { try bench.map(513, 1, .read, .hugetlb) }
        let place = MappingPlan(at: nil, count: 1, .read, .hugetlb)
        let free = try required(bench.machine.freePlace(bench.space, place))
        #expect(free.start.number & 511 == 0 && free.count == 512)
        // A driver's page is there at once; registers have no memory, for the CPU or a device.
        try bench.map(16, 1, .read, .device)
        #expect(bench.picture(16, 1) == "s" && bench.machine.physical.used == 1)
        try bench.map(20, 1, [.read, .write], .io)
        let mirror = try bench.mirror()
        let fault = Course(fault: MemoryFault(.notMapped, Page(number: 20)))
        #expect(bench.machine.run(CPUAccess(bench.space, PageRange(20, count: 1), write: false)) == fault)
        #expect(bench.fault(mirror, PageRange(20, count: 1)) == fault)
        #expect(bench.moveToDevice(PageRange(16, count: 1)).fault?.cause == .wrongKind)
    }

    /// The table of the highest pages goes with its last area, as any other does.
    @Test func theHighestTable() throws {
        var bench = try Bench(pages: 0)
        let page = AddressSpace.highest.number - 1
        for start in [page, 1000] {
            try bench.map(start, 1)
            _ = bench.machine.read(bench.space, Page(number: start))
            bench.machine.run(Unmapping(bench.space, PageRange(start, count: 1)))
            #expect(bench.machine.tableNodes.used == 0, "page \(start)")
        }
    }
}
