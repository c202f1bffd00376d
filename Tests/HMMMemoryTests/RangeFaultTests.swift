import Testing

@testable import HMMMemory

@Suite struct RangeFaultTests {
    @Test func whatIsThereIsInstalled() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        let pages = PageRange(16, count: 5)
        bench.machine.write(bench.space, PageRange(17, count: 2))
        bench.moveToDevice(PageRange(18, count: 1))
        bench.machine.run(ProtectionChange(bench.space, PageRange(20, count: 1), .read))
        #expect(bench.fault(mirror, PageRange(17, count: 2)) == Course())
        #expect(bench.machine.picture(mirror, pages) == "-SD--")
        #expect(bench.fault(mirror, PageRange(19, count: 2)) == Course())
        #expect(bench.machine.picture(mirror, pages) == "-SDzz")
        #expect(bench.machine.picture(bench.space, pages) == "-SDzz")
        #expect(bench.machine.violations() == [])
    }

    /// From the first page that needs it to the end of its table all is faulted, the device's own pages included.
    @Test func thePagesBehindAreFaultedToo() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        // Pages 508 to 516: the table ends at 512.
        let pages = PageRange(508, count: 8)
        bench.machine.write(bench.space, PageRange(508, count: 1))
        bench.machine.write(bench.space, PageRange(510, count: 6))
        bench.moveToDevice(PageRange(508, count: 1))
        bench.moveToDevice(PageRange(511, count: 2))
        #expect(bench.machine.picture(bench.space, pages) == "D-SDDSSS")
        let course = bench.fault(mirror, pages)
        #expect(course.announced == [Invalidation(bench.space, PageRange(511, count: 1), .migrate, owner: bench.gpu)])
        #expect(bench.machine.picture(mirror, pages) == "DzSSDSSS")
    }

    /// A need to write makes the pages behind writable as well.
    @Test func aNeedToWriteSpreads() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        let pages = PageRange(16, count: 3)
        bench.machine.run(CPUAccess(bench.space, pages, write: false))
        let course = bench.fault(mirror, PageRange(16, count: 2), write: true)
        #expect(course.announced.map(\.range) == [PageRange(16, count: 1), PageRange(17, count: 1)])
        #expect(course.announced.allSatisfy { $0.reason == .clear })
        #expect(bench.machine.picture(bench.space, pages) == "SSz")
        #expect(bench.machine.picture(mirror, pages) == "SS-")
    }

    @Test func anotherDevicesMemoryComesBack() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        let pages = PageRange(16, count: 4)
        bench.machine.write(bench.space, pages, "q")
        bench.moveToDevice(PageRange(17, count: 2), bench.other)
        let course = bench.fault(mirror, pages)
        #expect(course.announced == [Invalidation(bench.space, PageRange(17, count: 2), .migrate, owner: bench.other)])
        #expect(bench.machine.picture(mirror, pages) == "SSSS")
        #expect(bench.machine.read(bench.space, Page(number: 18)) == "q")
    }

    /// Its own read-only memory is usable as it is: a fault for writing neither fails nor changes it.
    @Test func ownReadOnlyMemory() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        let pages = PageRange(16, count: 2)
        bench.machine.write(bench.space, pages)
        bench.moveToDevice(pages)
        bench.machine.run(ProtectionChange(bench.space, pages, .read))
        bench.machine.run(ProtectionChange(bench.space, pages, [.read, .write]))
        #expect(bench.fault(mirror, pages, write: true) == Course())
        #expect(bench.machine.picture(mirror, pages) == "dd")
    }

    @Test(arguments: [
        Permitted([], .notMapped, .notMapped), Permitted([.write], .notMapped, .notMapped),
        Permitted([.execute], .notMapped, .notMapped), Permitted([.read], nil, .notWritable),
        Permitted([.read, .write], nil, nil),
    ])
    func whatTheAreaPermits(_ permitted: Permitted) throws {
        var bench = try Bench(pages: 2)
        let mirror = try bench.mirror()
        try bench.map(18, 1, permitted.protection)
        for (isWrite, cause) in [(false, permitted.read), (true, permitted.write)] {
            let course = bench.fault(mirror, PageRange(16, count: 3), write: isWrite)
            #expect(course.fault == cause.map { MemoryFault($0, Page(number: 18)) })
            // Nothing is installed unless all is.
            #expect(bench.machine.picture(mirror, PageRange(16, count: 3)).contains("-") == (cause != nil))
            bench.machine.letGo(mirror, AddressSpace.everything)
        }
    }

    /// What the CPU may write already, a fault for reading installs as writable; the zero page never.
    @Test func aReadInstallsWhatIsWritable() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, PageRange(16, count: 1))
        bench.fault(mirror, PageRange(16, count: 2))
        #expect(bench.machine.picture(mirror, PageRange(16, count: 2)) == "Sz")
    }

    @Test func theLimit() throws {
        var bench = try Bench(frameLimit: 2)
        let mirror = try bench.mirror()
        #expect(
            bench.fault(mirror, PageRange(16, count: 3), write: true).fault
                == MemoryFault(.limit, Page(number: 18)))
        #expect(bench.machine.picture(mirror, PageRange(16, count: 3)) == "---")
        #expect(bench.machine.violations() == [])
    }

    /// Zero pages need no frames, but the tables that name them are counted.
    @Test func tablesHaveALimitToo() throws {
        var bench = try Bench(pages: 1 << 30, frameLimit: 2)
        let mirror = try bench.mirror()
        var page: UInt64 = 16
        var course = Course()
        while course.fault == nil {
            course = bench.fault(mirror, PageRange(page, count: 1))
            page += 512
            guard page < 1 << 26 else { break }
        }
        #expect(course.fault?.cause == .limit)
        #expect(bench.machine.tableNodes.isSpent == true)
        #expect(bench.machine.write(bench.space, PageRange(page, count: 1)).fault?.cause == .limit)
        #expect(bench.moveToDevice(PageRange(page, count: 1)).fault == nil)
        #expect(bench.machine.picture(bench.space, PageRange(page, count: 1)) == "-")
        // What has its node already is none the worse, and room comes back.
        #expect(bench.machine.write(bench.space, PageRange(17, count: 1)).fault == nil)
        bench.machine.run(Unmapping(bench.space, PageRange(512, count: 1 << 29)))
        #expect(bench.machine.write(bench.space, PageRange(17, count: 1)).fault == nil)
        bench.machine.run(SpaceExit(bench.space))
        #expect(bench.machine.tableNodes.used == 0)
    }

    @Test func aFaultThatIsDoneAlready() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        let index = try required(bench.machine.mirrors.index(of: mirror))
        bench.machine.write(bench.space, PageRange(16, count: 1))
        _ = bench.machine.read(bench.space, Page(number: 17))
        bench.machine.run(ProtectionChange(bench.space, PageRange(18, count: 1), .read))
        bench.machine.write(bench.space, PageRange(19, count: 1))
        bench.moveToDevice(PageRange(19, count: 1))
        let runs = (15..<20 as Range<UInt64>).map { bench.machine.installUsable(index, Page(number: $0), write: true) }
        #expect(runs.map { $0?.state } == [nil, .system(writable: true), nil, nil, nil])
        #expect(bench.machine.picture(mirror, PageRange(15, count: 5)) == "-S---")
    }

    /// A pause in the middle: the pages being faulted go on being faulted, as long as their areas permit it.
    @Test(arguments: [true, false]) func aPause(_ isUnmapped: Bool) throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        let pages = PageRange(16, count: 4)
        bench.machine.write(bench.space, PageRange(17, count: 3))
        bench.moveToDevice(PageRange(17, count: 1))
        bench.moveToDevice(PageRange(19, count: 1))
        var work = RangeFault(mirror, pages, FaultRequest(.read), bench.machine)
        guard case .invalidate(let invalidation) = work.step(&bench.machine) else { return #expect(Bool(false)) }
        for mirror in bench.machine.begin(invalidation) { bench.machine.letGo(mirror, invalidation.range) }
        bench.machine.end(invalidation)
        #expect(work.restart(&bench.machine) == nil)
        if isUnmapped { bench.machine.run(Unmapping(bench.space, PageRange(18, count: 1))) }
        let course = bench.machine.run(&work)
        #expect(course.fault == (isUnmapped ? MemoryFault(.notMapped, Page(number: 18)) : nil))
        #expect(bench.machine.picture(bench.space, pages) == (isUnmapped ? "zS-D" : "zSSS"))
        #expect(bench.machine.violations() == [])
    }

    /// Each page is asked for by itself, as far as the mask lets it.
    @Test func needsOfEach() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        let pages = PageRange(16, count: 4)
        let each: [FaultRequest.Need] = [.nothing, .read, .write, .nothing]
        func fault(_ request: FaultRequest) -> Course {
            bench.machine.run(RangeFault(mirror, pages, request, bench.machine))
        }
        // So that there is a table, without which the pages count as one.
        bench.machine.write(bench.space, PageRange(30, count: 1))
        #expect(fault(FaultRequest(.nothing, each: each)) == Course() && bench.picture(16, 4) == "----")
        #expect(fault(FaultRequest(.nothing, each: each, mask: .read)) == Course() && bench.picture(16, 4) == "-zzz")
        // From the page that needs it on, as far as the table goes.
        #expect(fault(FaultRequest(.nothing, each: each, mask: .write)).announced.count == 2)
        #expect(bench.picture(16, 4) == "-zSS" && bench.machine.picture(mirror, pages) == "-zSS")
        #expect(fault(FaultRequest(.read, each: each, mask: .write)) == Course() && bench.picture(16, 4) == "zzSS")
    }

    /// Without a table the greatest need is everyone's.
    @Test func needsWithoutATable() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        let request = FaultRequest(.nothing, each: [.nothing, .read, .write, .nothing], mask: .write)
        #expect(bench.machine.run(RangeFault(mirror, PageRange(16, count: 4), request, bench.machine)) == Course())
        #expect(bench.picture(16, 4) == "SSSS")
    }

    /// What is only looked at may be a hole; what is asked for may not.
    @Test func holesAreNotAskedFor() throws {
        var bench = try Bench(pages: 2)
        let mirror = try bench.mirror()
        let pages = PageRange(15, count: 5)
        bench.machine.write(bench.space, PageRange(16, count: 2))
        func fault(_ request: FaultRequest) -> Course {
            bench.machine.run(RangeFault(mirror, pages, request, bench.machine))
        }
        #expect(fault(FaultRequest(.nothing)) == Course() && bench.machine.picture(mirror, pages) == "-SS--")
        let last = FaultRequest(.nothing, each: [.nothing, .nothing, .nothing, .nothing, .read], mask: .read)
        #expect(fault(last).fault == MemoryFault(.notMapped, Page(number: 19)))
    }

    /// Devices under one umbrella use one another's memory as their own.
    @Test func groups() throws {
        var bench = try Bench(pages: 4)
        let pair = [bench.machine.makeDevice(umbrella: 1), bench.machine.makeDevice(umbrella: 1)]
        _ = try bench.machine.makeRegion(pair[0], pages: 4)
        let mirror = try bench.mirror(pair[1])
        let pages = PageRange(16, count: 2)
        bench.moveToDevice(pages, pair[0])
        #expect(bench.fault(mirror, pages) == Course() && bench.machine.picture(mirror, pages) == "DD")
    }

    /// A huge mapping is installed page by page.
    @Test func hugePages() throws {
        var bench = try Bench(pages: 0)
        let mirror = try bench.mirror()
        try bench.mapHuge(512)
        #expect(bench.fault(mirror, PageRange(600, count: 3), write: true) == Course())
        #expect(bench.machine.picture(mirror, PageRange(599, count: 5)) == "-SSS-")
        #expect(
            bench.machine.entry(mirror, 600).frame == bench.entry(600).frame && !bench.machine.entry(mirror, 600).isHuge
        )
    }
}
