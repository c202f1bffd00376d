import Testing

@testable import HMMMemory

@Suite struct EvictionTests {
    private static let pages = PageRange(16, count: 4)

    private func outcomes(_ work: Eviction) -> [String] {
        work.runs.map { run in
            if case .stayed(let reason) = run.outcome { "\(run.count) \(reason)" } else { "\(run.count) moved" }
        }
    }

    /// Every space that maps a frame is told, the device's own mirrors too; then its region can go.
    @Test func aRegion() throws {
        var bench = try Bench(pages: 4)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, PageRange(16, count: 3), "v")
        bench.moveToDevice(PageRange(16, count: 3))
        let child = try bench.fork()
        bench.moveToDevice(PageRange(19, count: 1))
        bench.fault(mirror, Self.pages)
        let region = bench.machine.regions.id(at: 0)
        #expect(bench.machine.removeRegion(region) == false)
        var work = Eviction([region], bench.machine)
        let course = bench.machine.run(&work)
        #expect(course.announced.count == 7 && course.announced.allSatisfy { $0.reason == .clear && $0.owner == nil })
        #expect(
            course.announced.map(\.space) == [bench.space, child, bench.space, child, bench.space, child, bench.space])
        #expect(outcomes(work) == ["4 moved"] && work.count(moved: true) == 4 && work.count(moved: false) == 0)
        #expect(bench.picture(16, 4) == "sssS" && bench.machine.picture(child, Self.pages) == "sss-")
        #expect(bench.machine.picture(mirror, Self.pages) == "----")
        #expect(bench.machine.read(child, Page(number: 18)) == "v")
        #expect(bench.machine.removeRegion(region) == true && bench.machine.devices[0].regions == [])
    }

    @Test func framesByNumber() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.pages)
        bench.moveToDevice(Self.pages)
        let first = bench.entry(17).frame
        var work = Eviction(first, 2)
        bench.machine.run(&work)
        #expect(bench.picture(16, 4) == "DSSD")
        #expect(work.runs == [Eviction.Run(first: first, count: 2, outcome: .moved)])
        var none = Eviction(first, 2)
        #expect(bench.machine.run(&none) == Course() && none.runs == [])
    }

    /// What is held stays; what a device has for itself stays and is read-only afterwards.
    @Test func whatStays() throws {
        var bench = try Bench(pages: 4, .coherent)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, Self.pages)
        bench.moveToDevice(Self.pages)
        bench.machine.run(Pinning(bench.space, PageRange(17, count: 1), write: true, pin: true, longTerm: false))
        bench.machine.run(ExclusiveAccess(mirror, PageRange(18, count: 1), batch: .max, exempt: [], bench.machine))
        #expect(bench.picture(16, 4) == "CCXC")
        var work = Eviction([bench.machine.regions.id(at: 0)], bench.machine)
        bench.machine.run(&work)
        #expect(outcomes(work) == ["1 moved", "1 pinned", "1 exclusive", "1 moved"])
        #expect(bench.picture(16, 4) == "SCcS" && bench.machine.regions[0].used == 2)
    }

    /// System memory that takes the place of a device's passes the limit of frames.
    @Test func atTheLimit() throws {
        var bench = try Bench(pages: 4, frameLimit: 4)
        bench.machine.write(bench.space, Self.pages)
        bench.moveToDevice(Self.pages)
        bench.machine.run(Eviction([bench.machine.regions.id(at: 0)], bench.machine))
        #expect(bench.picture(16, 4) == "SSSS" && bench.machine.physical.used == 4)
    }
}
