import Testing

@testable import HMMMemory

@Suite struct MigrationTests {
    private typealias Run = Migration.Run

    private func outcomes(_ work: Migration) -> [String] {
        work.runs.map { run in
            let outcome =
                switch run.outcome {
                case .moved: "moved"
                case .stayed(let reason): "\(reason)"
                }
            return "\(run.start.number)+\(run.count) \(outcome)\(run.frame.map { " \($0.number)" } ?? "")"
        }
    }

    private static let top = PhysicalMemory.frameLimit - 512

    @Test func everyReasonToStayOnTheWayToADevice() throws {
        var bench = try Bench()
        bench.machine.write(bench.space, PageRange(16, count: 6))
        bench.moveToDevice(PageRange(17, count: 2))
        bench.moveToDevice(PageRange(19, count: 1), bench.other)
        _ = bench.machine.read(bench.space, Page(number: 22))
        var work = Migration(bench.space, PageRange(16, count: 1000), .there(bench.gpu))
        let course = bench.machine.run(&work)
        #expect(
            outcomes(work) == [
                "16+1 moved \(Self.top + 2)", "17+2 alreadyThere", "19+1 otherDevice", "20+5 moved \(Self.top + 3)",
                "25+991 noSpace",
            ])
        #expect(work.movedCount == 6)
        #expect(
            course.announced == [
                Invalidation(bench.space, PageRange(16, count: 1000), .migrate, owner: bench.gpu),
                Invalidation(bench.space, PageRange(22, count: 994), .migrate, owner: bench.gpu),
            ])
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 10)) == "DDDDDDDDD-")
        #expect(bench.machine.spaces[0].resident == 9 && bench.machine.violations() == [])
    }

    @Test func everyReasonToStayOnTheWayBack() throws {
        var bench = try Bench()
        bench.machine.write(bench.space, PageRange(16, count: 4), "w")
        bench.moveToDevice(PageRange(16, count: 2))
        bench.moveToDevice(PageRange(18, count: 1), bench.other)
        _ = bench.machine.read(bench.space, Page(number: 21))
        var work = Migration(bench.space, PageRange(16, count: 600), .back(from: bench.gpu))
        let course = bench.machine.run(&work)
        #expect(outcomes(work) == ["16+2 moved 4096", "18+1 otherDevice", "19+1 inSystemMemory", "20+596 empty"])
        #expect(course.announced == [Invalidation(bench.space, PageRange(16, count: 600), .migrate, owner: bench.gpu)])
        var rest = Migration(bench.space, PageRange(16, count: 600), .back())
        #expect(bench.machine.run(&rest).announced.map(\.owner) == [nil])
        #expect(outcomes(rest) == ["16+2 inSystemMemory", "18+1 moved 4098", "19+1 inSystemMemory", "20+596 empty"])
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 6)) == "SSSS-z")
        for page in 16..<20 as Range<UInt64> { #expect(bench.machine.read(bench.space, Page(number: page)) == "w") }
        #expect(bench.machine.violations() == [])
    }

    /// What is not written moves as zeroes, and is writable where its area is.
    @Test func holesAreFilled() throws {
        var bench = try Bench()
        bench.machine.run(ProtectionChange(bench.space, PageRange(20, count: 2), .read))
        _ = bench.machine.read(bench.space, Page(number: 17))
        // Frames that held something before.
        bench.machine.write(bench.space, PageRange(30, count: 8), "dirt")
        bench.moveToDevice(PageRange(30, count: 8))
        bench.machine.run(Unmapping(bench.space, PageRange(30, count: 8)))
        let course = bench.moveToDevice(PageRange(16, count: 6))
        #expect(
            course.announced.map(\.range) == [
                PageRange(16, count: 4), PageRange(16, count: 4), PageRange(20, count: 2), PageRange(20, count: 2),
            ])
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 6)) == "DDDDdd")
        for page in 16..<22 as Range<UInt64> {
            #expect(bench.machine.read(bench.space, Page(number: page), count: 4) == "\0\0\0\0")
        }
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 6)) == "SSSSss")
    }

    /// Everything is checked before the first announcement.
    @Test func aHoleInTheAreas() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, PageRange(16, count: 4))
        #expect(bench.moveToDevice(PageRange(18, count: 4)) == Course(fault: MemoryFault(.notMapped, Page(number: 20))))
        try bench.map(20, 4, .write)
        #expect(bench.moveToDevice(PageRange(18, count: 4)) == Course(fault: MemoryFault(.notMapped, Page(number: 20))))
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 4)) == "SSSS")
    }

    /// The driver that moves is not told, its mirrors' tables are kept right; another's lets go.
    @Test func ownMirrorsFollow() throws {
        var bench = try Bench()
        let own = try bench.mirror()
        let foreign = try bench.mirror(bench.other)
        let pages = PageRange(16, count: 4)
        bench.machine.write(bench.space, PageRange(16, count: 2))
        for mirror in [own, foreign] { bench.fault(mirror, PageRange(16, count: 3)) }
        bench.machine.run(Migration(bench.space, pages, .there(bench.gpu, exempt: [own])))
        #expect(bench.machine.picture(own, pages) == "DDDD" && bench.machine.picture(foreign, pages) == "----")
        #expect(bench.machine.violations() == [])
        bench.machine.run(
            Migration(bench.space, PageRange(16, count: 2), .back(from: bench.gpu, exempt: [own])))
        #expect(bench.machine.picture(own, pages) == "--DD")
        #expect(bench.machine.violations() == [])
    }

    /// Given up while holes are on their way: they are what they were, and their frames are free again.
    @Test func givingUp() throws {
        var bench = try Bench()
        let pages = PageRange(16, count: 5)
        bench.machine.write(bench.space, PageRange(16, count: 1))
        _ = bench.machine.read(bench.space, Page(number: 18))
        var work = Migration(bench.space, pages, .there(bench.gpu))
        work.abandon(&bench.machine)
        for _ in 0..<2 {
            guard case .invalidate(let invalidation) = work.step(&bench.machine) else { return #expect(Bool(false)) }
            _ = bench.machine.begin(invalidation)
            if invalidation.range.start.number == 16 { bench.machine.end(invalidation) }
        }
        #expect(bench.machine.picture(bench.space, pages) == "Dmmmm" && bench.machine.physical.used == 5)
        work.abandon(&bench.machine)
        bench.machine.end(Invalidation(bench.space, pages, .migrate))
        #expect(bench.machine.picture(bench.space, pages) == "D-z--" && bench.machine.physical.used == 1)
        #expect(bench.machine.violations() == [])
    }

    @Test func aDeviceWithoutMemory() throws {
        var bench = try Bench()
        let bare = bench.machine.makeDevice()
        bench.machine.write(bench.space, PageRange(16, count: 1))
        var work = Migration(bench.space, PageRange(16, count: 3), .there(bare))
        #expect(bench.machine.run(&work).announced.count == 1)
        #expect(outcomes(work) == ["16+3 noSpace"])
    }

    /// At the limit of frames pages still move both ways, as a move takes none; holes stay.
    @Test func atTheLimit() throws {
        var bench = try Bench(frameLimit: 4)
        bench.machine.write(bench.space, PageRange(16, count: 4), "m")
        var there = Migration(bench.space, PageRange(16, count: 6), .there(bench.gpu))
        #expect(bench.machine.run(&there).announced.count == 1)
        #expect(outcomes(there) == ["16+4 moved \(Self.top)", "20+2 noSpace"])
        #expect(bench.machine.read(bench.space, Page(number: 16)) == "m")
        #expect(
            bench.machine.run(Migration(bench.space, PageRange(16, count: 4), .back())).fault
                == nil)
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 4)) == "SSSS")
        #expect(bench.machine.physical.used == 4 && bench.machine.violations() == [])
    }

    /// Runs join where frames follow one another, and only there.
    @Test func runsJoin() {
        var runs: [Run] = []
        func frame(_ number: UInt64) -> FrameNumber { FrameNumber(number: number) }
        runs.record(Page(number: 1), 1, .moved, frame(7))
        runs.record(Page(number: 2), 1, .moved, frame(8))
        runs.record(Page(number: 3), 1, .moved, frame(10))
        runs.record(Page(number: 4), 2, .stayed(.empty))
        runs.record(Page(number: 6), 0, .stayed(.noSpace))
        runs.record(Page(number: 6), 3, .stayed(.empty))
        runs.record(Page(number: 9), 1, .stayed(.noSpace))
        runs.record(Page(number: 11), 1, .stayed(.noSpace))
        #expect(runs.map { [$0.start.number, $0.count] } == [[1, 2], [3, 1], [4, 5], [9, 1], [11, 1]])
    }

    /// As many areas as a space may have are checked once, not once for each.
    @Test func manyAreas() throws {
        var machine = Machine(frameLimit: 16)
        let space = machine.makeSpace()
        let device = machine.makeDevice()
        let count: UInt64 = 20_000
        for page in 0..<count {
            let protection: Protection = page % 2 == 0 ? .read : [.read, .write]
            let plan = MappingPlan(at: Page(number: 16 + page), count: 1, protection)
            _ = try machine.mapArea(space, plan, areaLimit: .max)
        }
        let course = machine.run(Migration(space, PageRange(16, count: count), .there(device)))
        #expect(course.announced.count == Int(count) && course.fault == nil)
    }
}
