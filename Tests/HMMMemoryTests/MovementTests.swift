import Testing

@testable import HMMMemory

/// Migration of memory that is more than a page of one space's own.
@Suite struct MovementTests {
    private func move(_ bench: inout Bench, _ range: PageRange, _ movement: Movement) -> ([String], Course) {
        var work = Migration(bench.space, range, movement)
        let course = bench.machine.run(&work)
        let outcomes = work.runs.map { run in
            if case .stayed(let reason) = run.outcome { "\(run.count) \(reason)" } else { "\(run.count) moved" }
        }
        return (outcomes, course)
    }

    /// A page shared by copy-on-write moves for all that map it. They are told page by page, oldest first, the space
    /// that asked with them; a page that nobody else maps is covered by the first announcement.
    @Test func sharedPagesMoveForAll() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, PageRange(16, count: 3), "p")
        let child = try bench.fork()
        bench.machine.write(child, PageRange(17, count: 1))
        let pages = PageRange(16, count: 3)
        let (outcomes, course) = move(&bench, pages, .there(bench.gpu))
        #expect(outcomes == ["3 moved"])
        #expect(
            course.announced == [
                Invalidation(bench.space, pages, .migrate, owner: bench.gpu),
                Invalidation(bench.space, PageRange(16, count: 1), .clear),
                Invalidation(child, PageRange(16, count: 1), .clear),
                Invalidation(bench.space, PageRange(18, count: 1), .clear),
                Invalidation(child, PageRange(18, count: 1), .clear),
            ])
        #expect(bench.picture(16, 3) == "ddd" && bench.machine.picture(child, pages) == "dSd")
        // When the child asks, its parent is the only other one.
        var back = Migration(child, PageRange(16, count: 1), .back())
        #expect(bench.machine.run(&back).announced.map(\.space) == [child, bench.space])
        #expect(bench.picture(16, 3) == "sdd" && bench.machine.picture(child, pages) == "sSd")
        #expect(bench.machine.read(child, Page(number: 16)) == "p")
    }

    /// A huge page is split for good; what of it is zero becomes the zero page, which moves as a hole.
    @Test func aHugePageIsSplit() throws {
        var bench = try Bench(pages: 0)
        try bench.mapHuge(512)
        let part = PageRange(511 + 3, count: 2)
        let (outcomes, course) = move(&bench, part, .there(bench.gpu))
        #expect(outcomes == ["2 moved"])
        #expect(
            course.announced == [
                Invalidation(bench.space, part, .migrate, owner: bench.gpu),
                Invalidation(bench.space, PageRange(512, count: 512), .clear),
                Invalidation(bench.space, part, .migrate, owner: bench.gpu),
            ])
        #expect(bench.picture(512, 5) == "SzDDz" && bench.machine.physical.used == 3)
        #expect(!bench.frame(512).isLarge && bench.machine.spaces[0].resident == 3)
        #expect(bench.machine.read(bench.space, Page(number: 512), count: 4) == "huge")
    }

    @Test func theHugeZeroPageIsSplit() throws {
        var bench = try Bench(pages: 0)
        try bench.map(512, 512)
        bench.machine.run(AdviceChange(bench.space, PageRange(512, count: 512), .hugePage))
        _ = bench.machine.read(bench.space, Page(number: 512))
        let (outcomes, course) = move(&bench, PageRange(520, count: 2), .there(bench.gpu))
        #expect(outcomes == ["2 moved"] && course.announced.count == 3)
        #expect(bench.picture(519, 4) == "zDDz")
    }

    /// A huge page in use cannot be split: nothing of it moves, and nobody is told more.
    @Test func aHugePageInUse() throws {
        var bench = try Bench(pages: 0)
        try bench.mapHuge(512)
        bench.machine.run(Pinning(bench.space, PageRange(900, count: 1), write: true, pin: true, longTerm: false))
        let (outcomes, course) = move(&bench, PageRange(514, count: 6), .there(bench.gpu))
        #expect(outcomes == ["6 pinned"] && course.announced.count == 1 && bench.entry(512).isHuge)
    }

    /// Pages of a huge page that is mapped in pieces stay.
    @Test func aHugePageInPieces() throws {
        var bench = try Bench(pages: 0)
        try bench.mapHuge(512)
        bench.machine.run(ProtectionChange(bench.space, PageRange(520, count: 1), .read))
        #expect(!bench.entry(512).isHuge && bench.frame(512).isLarge)
        #expect(move(&bench, PageRange(512, count: 4), .there(bench.gpu)).0 == ["4 huge"])
    }

    /// What is a file's stays, and so do holes of one; what was written privately moves.
    @Test func fileBacked() throws {
        var bench = try Bench(pages: 0)
        let id = bench.machine.makeFile(length: 4 << 12)
        try bench.map(16, 4, [.read, .write], .file, file: id)
        bench.machine.write(bench.space, PageRange(18, count: 1), "w")
        _ = bench.machine.read(bench.space, Page(number: 17))
        #expect(
            move(&bench, PageRange(16, count: 4), .there(bench.gpu)).0 == [
                "1 empty", "1 fileBacked", "1 moved", "1 empty",
            ])
        #expect(bench.picture(16, 4) == "-sD-" && bench.machine.read(bench.space, Page(number: 18)) == "w")
        try bench.map(40, 2, [.read, .write], .file, shared: true)
        bench.machine.write(bench.space, PageRange(40, count: 1))
        #expect(move(&bench, PageRange(40, count: 2), .there(bench.gpu)).0 == ["1 fileBacked", "1 empty"])
    }

    @Test func exclusiveStays() throws {
        var bench = try Bench(pages: 4)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, PageRange(16, count: 4))
        bench.machine.run(ExclusiveAccess(mirror, PageRange(17, count: 1), batch: .max, exempt: [], bench.machine))
        #expect(move(&bench, PageRange(16, count: 3), .there(bench.other)).0 == ["1 moved", "1 exclusive", "1 moved"])
        // All of the range is announced, and so the device's hold is over.
        #expect(bench.picture(16, 4) == "DXDS" && bench.machine.exclusivelyHeld(mirror, PageRange(17, count: 1)) == 0)
    }

    /// Coherent memory is there for the CPU: nothing brings it back but a migration.
    @Test func coherentMemory() throws {
        var bench = try Bench(pages: 4, .coherent)
        let pages = PageRange(16, count: 4)
        bench.machine.write(bench.space, PageRange(16, count: 2), "c")
        #expect(move(&bench, pages, .there(bench.gpu)).0 == ["4 moved"])
        #expect(bench.machine.write(bench.space, PageRange(17, count: 1), "C") == Course())
        #expect(bench.picture(16, 4) == "CCCC" && bench.machine.read(bench.space, Page(number: 16)) == "c")
        let mirror = try bench.mirror(bench.other)
        #expect(bench.fault(mirror, pages, write: true) == Course() && bench.machine.picture(mirror, pages) == "CCCC")
        let own = Movement(to: .system, sources: .devicePrivate, from: nil, exempt: [])
        #expect(move(&bench, pages, own).0 == ["4 otherDevice"])
        #expect(move(&bench, pages, .back(from: bench.other)).0 == ["4 otherDevice"])
        #expect(move(&bench, pages, .back(from: bench.gpu)).0 == ["4 moved"] && bench.picture(16, 4) == "SSSS")
        #expect(bench.machine.read(bench.space, Page(number: 17)) == "C")
    }

    /// A shared coherent page is copied for the writer and stays where it is for the other.
    @Test func coherentMemoryAfterAFork() throws {
        var bench = try Bench(pages: 4, .coherent)
        bench.machine.write(bench.space, PageRange(16, count: 1), "c")
        bench.moveToDevice(PageRange(16, count: 1))
        let child = try bench.fork()
        bench.machine.write(bench.space, PageRange(16, count: 1), "w")
        #expect(bench.picture(16, 1) == "S" && bench.machine.picture(child, PageRange(16, count: 1)) == "c")
        #expect(bench.machine.read(child, Page(number: 16)) == "c")
    }

    @Test func fromDeviceToDevice() throws {
        var bench = try Bench(pages: 8)
        bench.machine.write(bench.space, PageRange(16, count: 6), "d")
        bench.moveToDevice(PageRange(16, count: 6))
        let movement = Movement(to: .device(bench.other), sources: .device, from: bench.gpu, exempt: [])
        #expect(move(&bench, PageRange(16, count: 6), movement).0 == ["4 moved", "2 noSpace"])
        #expect(bench.machine.regions[0].used == 2 && bench.machine.regions[1].used == 4)
        #expect(bench.machine.read(bench.space, Page(number: 17)) == "d")
    }

    /// A device that grows adds regions, as far as all of them together may go.
    @Test func growth() throws {
        var machine = Machine(frameLimit: 100, regionFrames: 4)
        let space = machine.makeSpace()
        let device = machine.makeDevice(chunk: 2, reportsFreed: true)
        _ = try machine.mapArea(space, MappingPlan(at: Page(number: 16), count: 8, [.read, .write]), areaLimit: 9)
        machine.write(space, PageRange(16, count: 3))
        machine.run(Migration(space, PageRange(16, count: 5), .there(device)))
        #expect(machine.picture(space, PageRange(16, count: 5)) == "DDDD-")
        #expect((0..<machine.regions.count).map { machine.regions[$0].capacity } == [2, 2])
        // Whoever wants to know is told which frames came free.
        let frame = machine.entry(space, 17).frame
        _ = machine.read(space, Page(number: 17))
        #expect(machine.freedDeviceFrames == [frame])
        machine.run(Unmapping(space, PageRange(16, count: 1)))
        #expect(machine.freedDeviceFrames.count == 2)
    }

    /// The kernel's test driver brings back page by page and keeps its own table right.
    @Test func theTestDriver() throws {
        var bench = try Bench(pages: 8, profile: .dmirror)
        let mirror = try bench.mirror()
        let pages = PageRange(16, count: 4)
        bench.machine.write(bench.space, pages)
        _ = move(&bench, pages, .there(bench.gpu, exempt: [mirror]))
        #expect(bench.machine.picture(mirror, pages) == "DDDD")
        let course = bench.machine.run(CPUAccess(bench.space, PageRange(17, count: 2), write: false))
        #expect(
            course.announced
                == [17, 18].map {
                    Invalidation(bench.space, PageRange($0, count: 1), .migrate, owner: bench.gpu, exempt: [mirror])
                })
        #expect(bench.machine.picture(mirror, pages) == "D--D")
        // An announcement takes one page more than it names.
        bench.machine.announce(Invalidation(bench.space, PageRange(18, count: 1), .clear))
        #expect(bench.machine.picture(mirror, pages) == "D---")
    }
}
