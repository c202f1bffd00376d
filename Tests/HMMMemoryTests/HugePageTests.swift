import Testing

@testable import HMMMemory

/// Huge mappings in a table, huge pages of memory, and how they are split.
@Suite struct HugePageTests {
    private static let huge = PageEntry(.system, FrameNumber(number: 0x1200), writable: true, huge: true)

    private static func leaves(_ table: borrowing PageTable, _ range: PageRange) -> [[UInt64]] {
        var found: [[UInt64]] = []
        var page = range.start
        while let piece = table.nextLeaf(from: page, before: range.end) {
            found.append([piece.start.number, UInt64(piece.count), piece.words == nil ? piece[0].frame.number : 0])
            page = piece.start + UInt64(piece.count)
        }
        return found
    }

    @Test func aMappingInATable() {
        let budget = NodeBudget(limit: 100)
        var table = PageTable(budget, mayForget: false)
        table.setHuge(Page(number: 512), Self.huge)
        #expect(budget.used == 2 && table.isCovered(Page(number: 1023)) && !table.isCovered(Page(number: 511)))
        #expect(table[Page(number: 515)].frame.number == 0x1203 && table[Page(number: 515)].isHuge)
        #expect(table.huge(Page(number: 700)) == Self.huge && table.huge(Page(number: 100)) == nil)
        #expect(table.isHugeWithFrame(Page(number: 1023)) == true)
        table.set(Page(number: 100), .zero)
        table.set(Page(number: 1030), .zero)
        #expect(Self.leaves(table, PageRange(0, count: 5000)) == [[0, 512, 0], [512, 512, 0x1200], [1024, 512, 0]])
        #expect(Self.leaves(table, PageRange(600, count: 500)) == [[600, 424, 0x1200 + 88], [1024, 76, 0]])
        table.setHuge(Page(number: 512), Self.huge.withWritable(false))
        #expect(!table[Page(number: 1000)].isWritable && budget.used == 4)
        table.prune(PageRange(0, count: 1 << 20))
        #expect(table.huge(Page(number: 512)) != nil)
        table.removeHuge(Page(number: 512))
        #expect(!table.isCovered(Page(number: 512)) && table[Page(number: 515)].isNone)
    }

    @Test func splittingAMapping() {
        let budget = NodeBudget(limit: 100)
        var table = PageTable(budget, mayForget: false)
        table.setHuge(Page(number: 512), Self.huge)
        table.splitHuge(Page(number: 512))
        table.splitHuge(Page(number: 512))
        #expect(budget.used == 3 && table.huge(Page(number: 512)) == nil)
        for offset in [0, 1, 511] as [UInt64] {
            let small = PageEntry(.system, FrameNumber(number: 0x1200 + offset), writable: true)
            #expect(table[Page(number: 512 + offset)] == small)
        }
        table.setHuge(Page(number: 1024), .hugeZero)
        table.splitHuge(Page(number: 1024))
        #expect(table[Page(number: 1535)] == .zero)
        table.setHuge(Page(number: 2048), Self.huge)
        var seen: [UInt64] = []
        table.removeAll(PageRange(2000, count: 600)) { page, _ in seen.append(page.number) }
        #expect(seen == [2048] && !table.isCovered(Page(number: 2048)))
        table.removeAll(PageRange(0, count: 4096)) { _, _ in }
        table.prune(PageRange(0, count: 1 << 36))
        #expect(table.isEmpty && budget.used == 0)
    }

    @Test func framesInARow() throws {
        var memory = PhysicalMemory(limit: 5000)
        var zone = Zone(firstFrame: 0x1000, capacity: 512 * 3 + 400)
        #expect(memory.allocate(&zone)?.number == 0x1000)
        let first = try required(memory.allocateHuge(&zone))
        #expect(first.number == 0x1200 && zone.used == 513 && memory.used == 513)
        #expect(memory.allocate(&zone)?.number == 0x1001)
        #expect(memory.allocateHuge(&zone)?.number == 0x1400)
        // The last section is not whole.
        #expect(memory.allocateHuge(&zone) == nil)
        for offset in 0..<512 { memory.release(first.advanced(offset), &zone) }
        #expect(memory.allocateHuge(&zone) == first)
        memory.release(first.advanced(7), &zone)
        #expect(memory.allocateHuge(&zone) == nil)
        var small = PhysicalMemory(limit: 512)
        var other = Zone(firstFrame: 0x1000, capacity: 5000)
        let one = try required(small.allocate(&other))
        #expect(small.allocateHuge(&other) == nil)
        small.release(one, &other)
        #expect(small.allocateHuge(&other)?.number == 0x1000 && small.allocate(&other) == nil)
    }

    @Test func theNextFrameInUse() throws {
        var memory = PhysicalMemory(limit: 5000)
        var zone = Zone(firstFrame: 0x1000, capacity: 5000)
        for _ in 0..<1100 { _ = memory.allocate(&zone) }
        for number in 0x1001..<0x1440 as Range<UInt64> { memory.release(FrameNumber(number: number), &zone) }
        func next(_ from: UInt64, _ end: UInt64) -> UInt64? {
            memory.nextUsed(from: FrameNumber(number: from), before: end)?.number
        }
        #expect(next(0, 0x1001) == 0x1000 && next(0x1000, 0x1000) == nil)
        #expect(next(0x1001, 0x2000) == 0x1440 && next(0x1001, 0x1440) == nil)
        #expect(next(0x144b, 0x2000) == 0x144b && next(0x144c, 0x9000) == nil)
    }

    /// Where it is advised, a write gets a huge page and a read the huge zero page, which a write then splits.
    @Test func faults() throws {
        var bench = try Bench(pages: 0)
        try bench.map(500, 1100)
        bench.machine.run(AdviceChange(bench.space, PageRange(500, count: 1100), .hugePage))
        #expect(bench.machine.write(bench.space, PageRange(600, count: 1)) == Course())
        #expect(bench.entry(512).isHuge && bench.picture(510, 4) == "--SS" && bench.machine.spaces[0].resident == 512)
        #expect(bench.machine.read(bench.space, Page(number: 1030)) == "\0")
        #expect(bench.entry(1024) == .hugeZero && bench.machine.physical.used == 512)
        let course = bench.machine.write(bench.space, PageRange(1030, count: 1))
        #expect(
            course.announced == [
                Invalidation(bench.space, PageRange(1024, count: 512), .clear),
                Invalidation(bench.space, PageRange(1030, count: 1), .clear),
            ])
        #expect(bench.picture(1029, 3) == "zSz" && bench.machine.physical.used == 513)
        // The ends of the area hold no huge page.
        bench.machine.write(bench.space, PageRange(500, count: 1))
        bench.machine.write(bench.space, PageRange(1599, count: 1))
        #expect(bench.machine.physical.used == 515)
    }

    /// Unmapping a part divides the mapping; the rest keeps its data, and the frames go one by one.
    @Test func unmappingAPart() throws {
        var bench = try Bench(pages: 0)
        try bench.mapHuge(512)
        let course = bench.machine.run(Unmapping(bench.space, PageRange(513, count: 300)))
        #expect(
            course.announced == [
                Invalidation(bench.space, PageRange(512, count: 512), .clear),
                Invalidation(bench.space, PageRange(513, count: 300), .unmap),
            ])
        #expect(
            bench.machine.physical.used == 212 && bench.machine.read(bench.space, Page(number: 512), count: 4) == "huge"
        )
    }

    /// A huge page of the reserve is not cut, does not migrate and is copied as a whole.
    @Test func theReserve() throws {
        var bench = try Bench(pages: 0, frameLimit: 4096)
        try bench.map(1024, 100, [.read, .write], .hugetlb)
        #expect(bench.machine.hugePagesReserved == 1 && bench.machine.spaces[0].areas.areas[0].range.count == 512)
        bench.machine.write(bench.space, PageRange(1030, count: 1), "r")
        let page = Page(number: 1025)
        #expect(
            bench.machine.run(Unmapping(bench.space, PageRange(1024, count: 1))).fault == MemoryFault(.wrongKind, page))
        #expect(bench.moveToDevice(PageRange(1030, count: 1)).fault?.cause == .wrongKind)
        let child = try bench.fork()
        #expect(bench.machine.hugePagesReserved == 2 && bench.machine.physical.used == 512)
        let whole = PageRange(1024, count: 512)
        #expect(
            bench.machine.write(child, PageRange(1031, count: 1)).announced == [Invalidation(child, whole, .clear)])
        #expect(bench.machine.physical.used == 1024 && bench.machine.read(child, Page(number: 1030)) == "r")
        bench.machine.run(Unmapping(bench.space, whole))
        #expect(bench.machine.hugePagesReserved == 1 && bench.machine.physical.used == 512)
        let more = MappingPlan(at: nil, count: 8 * 512, .read, .hugetlb)
        #expect(throws: MappingRefusal.noHugePages) { try bench.machine.mapArea(bench.space, more, areaLimit: 9) }
    }

    /// Mappings of the huge zero page take no frames: what bounds them is the tables they need, and those they become.
    private func zeroes() throws -> Bench {
        var bench = try Bench(pages: 0)
        try bench.map(512, 1024)
        bench.machine.run(AdviceChange(bench.space, PageRange(512, count: 1024), .hugePage))
        return bench
    }

    private static let first = PageRange(512, count: 1)

    @Test func noTableForAHugeZeroPage() throws {
        var bench = try zeroes()
        bench.machine.setTableLimit(0)
        let course = bench.machine.run(CPUAccess(bench.space, Self.first, write: false))
        #expect(course == Course(fault: MemoryFault(.limit, Page(number: 512))))
        #expect(bench.machine.tableNodesUsed == 0)
    }

    /// Before anything is announced, changed or cut.
    @Test(arguments: 0..<8) func noTableForSmallMappings(_ way: Int) throws {
        var bench = try zeroes()
        let mirror = try bench.mirror()
        for page in [512, 1024] as [UInt64] { _ = bench.machine.read(bench.space, Page(number: page)) }
        // One is left: not enough for two ends.
        let both = PageRange(513, count: 600)
        bench.machine.setTableLimit(bench.machine.tableNodesUsed + (way < 4 ? 1 : 0))
        let before = bench.machine.wholeState()
        let (space, used) = (bench.space, bench.machine.tableNodesUsed)
        let course =
            switch way {
            case 0: bench.machine.run(Unmapping(space, both))
            case 1: bench.machine.run(ProtectionChange(space, both, .read))
            case 2: bench.machine.run(AdviceChange(space, both, .dontNeed))
            case 3: bench.machine.run(AdviceChange(space, both, .noHugePage))
            case 4: bench.machine.run(CPUAccess(space, Self.first, write: true))
            case 5: bench.machine.run(ExclusiveAccess(mirror, Self.first, batch: .max, exempt: [], bench.machine))
            case 6: bench.machine.run(Pinning(space, Self.first, write: true, pin: true, longTerm: true))
            default: bench.machine.run(AdviceChange(space, Self.first, .populateWrite))
            }
        #expect(course.fault?.cause == .limit && course.announced == [])
        #expect(bench.machine.wholeState() == before && bench.machine.tableNodesUsed == used)
    }

    /// Another took the last one while mirrors were told.
    @Test func theLastTableIsTaken() throws {
        var bench = try zeroes()
        for page in [512, 1024] as [UInt64] { _ = bench.machine.read(bench.space, Page(number: page)) }
        let before = bench.machine.wholeState()
        var unmapping = Unmapping(bench.space, PageRange(513, count: 10))
        var migration = Migration(bench.space, Self.first, .there(bench.gpu))
        _ = migration.step(&bench.machine)
        for step in [unmapping.step(&bench.machine), migration.step(&bench.machine)] {
            #expect(step == .invalidate(Invalidation(bench.space, PageRange(512, count: 512), .clear)))
        }
        bench.machine.setTableLimit(bench.machine.tableNodesUsed)
        #expect(unmapping.step(&bench.machine) == .failed(MemoryFault(.limit, Page(number: 512))))
        #expect(migration.step(&bench.machine) == .done)
        #expect(migration.runs.map(\.outcome) == [.stayed(.noSpace)])
        #expect(bench.machine.wholeState() == before)
    }

    /// What cannot be split stays where it is, with all its pages.
    @Test(arguments: [true, false]) func whatCannotBeSplitDoesNotMove(_ isZero: Bool) throws {
        var bench = try zeroes()
        let all = PageRange(512, count: 1024)
        if isZero {
            for page in [512, 1024] as [UInt64] { _ = bench.machine.read(bench.space, Page(number: page)) }
        } else {
            for page in [512, 1024] as [UInt64] { bench.machine.write(bench.space, PageRange(page, count: 1)) }
        }
        let used = bench.machine.tableNodesUsed
        bench.machine.setTableLimit(used)
        // What has been announced leaves its number behind.
        func state() -> [String] { bench.machine.wholeState().filter { !$0.contains(" seq ") } }
        let before = state()
        var work = Migration(bench.space, all, .there(bench.gpu))
        #expect(bench.machine.run(&work).announced == [Invalidation(bench.space, all, .migrate, owner: bench.gpu)])
        #expect(work.runs == [.init(start: all.start, count: 1024, outcome: .stayed(.noSpace), frame: nil)])
        let mirror = try bench.mirror()
        var staged = StagedMigration(mirror, bench.space, all, .there(bench.gpu))
        bench.machine.run(&staged)
        #expect(staged.candidates == 0)
        bench.machine.run(AdviceChange(bench.space, Self.first, .cold))
        bench.machine.dropMirror(mirror)
        #expect(state() == before && bench.machine.tableNodesUsed == used)
        bench.machine.setTableLimit(used + 1)
        var again = Migration(bench.space, PageRange(512, count: 513), .there(bench.gpu))
        bench.machine.run(&again)
        #expect(again.movedCount == 8 && again.runs.last?.outcome == .stayed(.noSpace))
        #expect(bench.machine.tableNodesUsed == used + 1)
    }
}
