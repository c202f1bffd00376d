import Testing

@testable import HMMMemory

@Suite struct MappingTests {
    @Test func placesAndRefusals() throws {
        var machine = Machine(frameLimit: 16)
        let space = machine.makeSpace()
        func map(_ start: UInt64?, _ count: UInt64, limit: Int = 9) throws(Machine.MappingRefusal) -> PageRange {
            try machine.mapArea(space, at: start.map { Page(number: $0) }, count: count, .read, areaLimit: limit)
        }
        #expect(try map(16, 4) == PageRange(16, count: 4))
        #expect(throws: Machine.MappingRefusal.tooLow) { try map(15, 1) }
        #expect(throws: Machine.MappingRefusal.taken(Page(number: 18))) { try map(18, 4) }
        #expect(throws: Machine.MappingRefusal.taken(Page(number: 15 + 1))) { try map(16, 1) }
        let top = AddressSpace.highest.number
        #expect(machine.freePlace(space, 3) == PageRange(top - 3, count: 3))
        #expect(try map(nil, 3) == PageRange(top - 3, count: 3))
        #expect(try map(nil, 2) == PageRange(top - 5, count: 2))
        #expect(throws: Machine.MappingRefusal.noGap) { try map(nil, top) }
        #expect(throws: Machine.MappingRefusal.tooManyAreas) { try map(nil, 1, limit: 2) }
        let gone = SpaceID(rawValue: 9)
        #expect(throws: Machine.MappingRefusal.noSpace) {
            try machine.mapArea(gone, at: nil, count: 1, .read, areaLimit: 9)
        }
        #expect(machine.freePlace(gone, 1) == nil)
    }

    @Test func unmappingTellsOnceAndFrees() throws {
        var bench = try Bench(pages: 8)
        _ = try bench.machine.mapArea(bench.space, at: Page(number: 26), count: 4, [.read, .write], areaLimit: 9)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, PageRange(20, count: 4))
        bench.machine.write(bench.space, PageRange(26, count: 1))
        bench.moveToDevice(PageRange(20, count: 1))
        _ = bench.machine.read(bench.space, Page(number: 27))
        bench.machine.run(RangeFault(mirror, bench.space, bench.gpu, PageRange(16, count: 6), write: false))
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
            bench.machine.run(RangeFault(mirror, bench.space, bench.gpu, pages, write: false)).fault?.cause == .gone)
        #expect(bench.machine.run(CPUAccess(bench.space, pages, write: false)).fault?.cause == .gone)
        #expect(bench.machine.run(SpaceExit(bench.space)).fault?.cause == .gone)
        #expect(bench.machine.run(Unmapping(bench.space, pages)).fault?.cause == .gone)
        #expect(bench.machine.run(ProtectionChange(bench.space, pages, .read)).fault?.cause == .gone)
        #expect(bench.moveToDevice(pages).fault?.cause == .gone)
        bench.machine.dropMirror(mirror)
        #expect(bench.machine.mirrors.count == 0)
    }
}
