import Testing

@testable import HMMMemory

@Suite struct ExclusiveAccessTests {
    private static let pages = PageRange(16, count: 4)

    private func take(
        _ bench: inout Bench, _ mirror: MirrorID, _ pages: PageRange = Self.pages, exempt: [MirrorID] = []
    ) -> Course {
        bench.machine.run(ExclusiveAccess(mirror, pages, batch: .max, exempt: exempt, bench.machine))
    }

    /// What is not there is made; the zero page is copied; then page by page is taken, in the device's name.
    @Test func taking() throws {
        var bench = try Bench(pages: 4)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, PageRange(16, count: 2), "e")
        _ = bench.machine.read(bench.space, Page(number: 19))
        let clear = Invalidation(bench.space, PageRange(19, count: 1), .clear)
        let taken = (16..<20 as Range<UInt64>).map {
            Invalidation(bench.space, PageRange($0, count: 1), .exclusive, owner: bench.gpu)
        }
        #expect(take(&bench, mirror) == Course(announced: [clear] + taken))
        #expect(bench.picture(16, 4) == "XXXX" && bench.machine.picture(mirror, Self.pages) == "XXXX")
        #expect(bench.machine.exclusivelyHeld(mirror, AddressSpace.everything) == 4)
        #expect(bench.machine.spaces[0].resident == 4 && bench.frame(16).mappings == 0)
    }

    /// Any access of the CPU ends it, for its page alone.
    @Test(arguments: [true, false]) func theCPUEndsIt(_ isWrite: Bool) throws {
        var bench = try Bench(pages: 4)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, Self.pages, "e")
        _ = take(&bench, mirror)
        let one = PageRange(17, count: 1)
        let course = bench.machine.run(CPUAccess(bench.space, one, write: isWrite))
        #expect(course == Course(announced: [Invalidation(bench.space, one, .clear)]))
        #expect(bench.picture(16, 4) == "XSXX" && bench.machine.exclusivelyHeld(mirror, Self.pages) == 3)
        #expect(bench.machine.read(bench.space, one.start) == "e")
    }

    /// Where the CPU cannot give all pages the device gets none, though those before have been taken from the CPU.
    @Test func whatCannotBeGiven() throws {
        var bench = try Bench(pages: 2)
        let mirror = try bench.mirror()
        let three = PageRange(16, count: 3)
        #expect(take(&bench, mirror, three).fault == MemoryFault(.notMapped, Page(number: 18)))
        #expect(bench.picture(16, 2) == "XX" && bench.machine.picture(mirror, three) == "---")
        try bench.map(18, 1, .read)
        #expect(take(&bench, mirror, three).fault == MemoryFault(.notWritable, Page(number: 18)))
    }

    /// Memory that is not the space's own alone is refused; what lies around it is had.
    @Test func sharedMemory() throws {
        var bench = try Bench(pages: 1)
        try bench.map(17, 1, [.read, .write], .file, shared: true)
        try bench.map(18, 1)
        let mirror = try bench.mirror()
        let three = PageRange(16, count: 3)
        #expect(take(&bench, mirror, three).fault == MemoryFault(.notExclusive, Page(number: 17)))
        #expect(bench.picture(16, 3) == "XSX" && bench.machine.picture(mirror, three) == "X-X")
        try bench.map(512, 512, [.read, .write], .hugetlb)
        let reserve = take(&bench, mirror, PageRange(512, count: 1)).fault
        #expect(reserve == MemoryFault(.notExclusive, Page(number: 512)))
    }

    /// Only the first page of a huge page can be had, and with it all of them leave the CPU.
    @Test func aHugePage() throws {
        var bench = try Bench(pages: 0)
        try bench.mapHuge(512)
        let mirror = try bench.mirror()
        let whole = PageRange(512, count: 512)
        #expect(take(&bench, mirror, PageRange(514, count: 1)).fault == MemoryFault(.notExclusive, Page(number: 514)))
        #expect(!bench.entry(512).isHuge && bench.picture(512, 4) == "SSSS")
        let course = take(&bench, mirror, PageRange(512, count: 1))
        #expect(course == Course(announced: [Invalidation(bench.space, whole, .exclusive, owner: bench.gpu)]))
        #expect(bench.picture(512, 512) == String(repeating: "X", count: 512))
        #expect(bench.machine.exclusivelyHeld(mirror, whole) == 1)
        bench.machine.write(bench.space, PageRange(513, count: 1))
        #expect(bench.picture(512, 3) == "XSX")
    }

    /// Another device takes it away without a word; so does a fault of one.
    @Test func anotherDevice() throws {
        var bench = try Bench(pages: 4)
        let first = try bench.mirror()
        let second = try bench.mirror(bench.other)
        _ = take(&bench, first)
        #expect(take(&bench, second, PageRange(16, count: 1)).fault == nil)
        bench.fault(second, PageRange(17, count: 1))
        #expect(bench.picture(16, 4) == "XSXX")
        #expect(
            bench.machine.picture(first, Self.pages) == "--XX" && bench.machine.picture(second, Self.pages) == "XS--")
    }

    /// A page shared by copy-on-write is copied first; fork itself ends it.
    @Test func forks() throws {
        var bench = try Bench(pages: 4)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, Self.pages, "e")
        _ = take(&bench, mirror)
        let child = try bench.fork()
        #expect(bench.picture(16, 4) == "ssss" && bench.machine.exclusivelyHeld(mirror, Self.pages) == 0)
        #expect(take(&bench, mirror, PageRange(16, count: 1)).fault == nil)
        #expect(bench.picture(16, 4) == "Xsss" && bench.machine.picture(child, Self.pages) == "ssss")
        #expect(bench.frame(16).references == 1 && bench.machine.physical.used == 5)
    }

    /// Private device memory comes back first, coherent memory stays where it is.
    @Test(arguments: [Region.Kind.devicePrivate, .coherent]) func deviceMemory(_ kind: Region.Kind) throws {
        var bench = try Bench(pages: 4, kind)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, Self.pages, "e")
        bench.moveToDevice(Self.pages)
        #expect(take(&bench, mirror).fault == nil)
        #expect(bench.picture(16, 4) == "XXXX")
        #expect(bench.machine.regions[0].used == (kind == .coherent ? 4 : 0))
        #expect(bench.machine.read(bench.space, Page(number: 17)) == "e")
        #expect(bench.picture(16, 4) == (kind == .coherent ? "XCXX" : "XSXX"))
    }

    /// The device loses it with a change of protection, while the entry stays what it is.
    @Test func protection() throws {
        var bench = try Bench(pages: 4)
        let mirror = try bench.mirror()
        _ = take(&bench, mirror)
        bench.machine.run(ProtectionChange(bench.space, Self.pages, .read))
        #expect(bench.picture(16, 4) == "xxxx" && bench.machine.exclusivelyHeld(mirror, Self.pages) == 0)
        _ = bench.machine.read(bench.space, Page(number: 16))
        #expect(bench.picture(16, 4) == "sxxx")
        bench.machine.run(Unmapping(bench.space, PageRange(17, count: 3)))
        #expect(bench.machine.physical.used == 1)
    }

    /// Whoever is exempt is not told; batches are taken one after the other.
    @Test func batches() throws {
        var bench = try Bench(pages: 4)
        let mirror = try bench.mirror()
        try bench.map(20, 1, .read)
        let five = PageRange(16, count: 5)
        bench.fault(mirror, Self.pages, write: true)
        let work = ExclusiveAccess(mirror, five, batch: 2, exempt: [mirror], bench.machine)
        let course = bench.machine.run(work)
        #expect(course.fault == MemoryFault(.notWritable, Page(number: 20)))
        #expect(course.announced.allSatisfy { $0.exempt == [mirror] })
        #expect(bench.machine.picture(mirror, five) == "XXXX-")
    }

    /// The device's entries are made one after the other: each step gets one page on.
    @Test func theEndIsCut() throws {
        var bench = try Bench(pages: 64)
        let all = PageRange(16, count: 64)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, all)
        var work = ExclusiveAccess(mirror, all, batch: .max, exempt: [], bench.machine)
        var steps = 0
        var step = Step.more
        while step != .done {
            bench.machine.beginSlice(1)
            step = work.step(&bench.machine)
            if case .invalidate(let invalidation) = step { bench.machine.announce(invalidation) }
            steps += 1
            try #require(steps < 1000)
        }
        #expect(steps >= 4 * 64 && bench.machine.exclusivelyHeld(mirror, all) == 64)
    }
}
