import Testing

@testable import HMMMemory

@Suite struct PageRunsTests {
    private func runs(_ bench: borrowing Bench, _ range: PageRange, for device: DeviceID? = nil) -> [String] {
        var found: [String] = []
        bench.machine.forEachRun(bench.space, range, for: device ?? bench.gpu) { run in
            found.append("\(run.start.number)+\(run.count) \(run.state)\(run.frame.map { " \($0.number)" } ?? "")")
            return true
        }
        return found
    }

    @Test func everyState() throws {
        var bench = try Bench(pages: 20)
        try bench.map(40, 4, .write)
        try bench.map(44, 4, .read)
        bench.machine.write(bench.space, PageRange(16, count: 6))
        bench.moveToDevice(PageRange(18, count: 1))
        bench.moveToDevice(PageRange(19, count: 1), bench.other)
        bench.machine.run(ProtectionChange(bench.space, PageRange(17, count: 2), .read))
        _ = bench.machine.read(bench.space, Page(number: 24))
        let top = PhysicalMemory.frameLimit - 512
        #expect(
            runs(bench, PageRange(10, count: 50)) == [
                "10+6 error", "16+1 system(writable: true) 4096", "17+1 system(writable: false) 4097",
                "18+1 devicePrivate(writable: false) \(top)", "19+1 none", "20+2 system(writable: true) 4100",
                "22+2 none",
                "24+1 zero", "25+11 none", "36+8 error", "44+4 none", "48+12 error",
            ])
        var all: [PageRun] = []
        bench.machine.forEachRun(bench.space, PageRange(10, count: 50), for: bench.gpu) { run in
            all.append(run)
            return true
        }
        // A look in slices finds the same, and no more than is wanted.
        let mirror = try bench.mirror()
        var look = RunLook(mirror, PageRange(10, count: 50), most: 100)
        #expect(bench.machine.run(&look) == Course() && look.runs == all)
        var part = RunLook(mirror, PageRange(10, count: 50), most: 2)
        #expect(bench.machine.run(&part) == Course() && part.runs == Array(all[..<3]))
        #expect(
            runs(bench, PageRange(18, count: 2), for: bench.other) == [
                "18+1 none", "19+1 devicePrivate(writable: true) \(top - 512)",
            ])
    }

    /// Frames that do not follow one another are runs of their own, also across the end of a node.
    @Test func framesThatFollow() throws {
        var bench = try Bench()
        bench.machine.write(bench.space, PageRange(510, count: 4))
        #expect(
            runs(bench, PageRange(510, count: 4)) == [
                "510+2 system(writable: true) 4096", "512+2 system(writable: true) 4098",
            ])
        bench.machine.run(Unmapping(bench.space, PageRange(511, count: 1)))
        try bench.map(511, 1, [.read, .write])
        bench.machine.write(bench.space, PageRange(514, count: 1))
        bench.machine.write(bench.space, PageRange(511, count: 1))
        #expect(
            runs(bench, PageRange(510, count: 5)) == [
                "510+1 system(writable: true) 4096", "511+1 system(writable: true) 4100",
                "512+2 system(writable: true) 4098",
                "514+1 system(writable: true) 4097",
            ])
    }

    /// Nothing at all, however much of it, is one run.
    @Test func emptinessIsCheap() throws {
        var bench = try Bench(pages: AddressSpace.highest.number - 16)
        let count = AddressSpace.highest.number
        #expect(runs(bench, PageRange(0, count: count)) == ["0+16 error", "16+\(count - 16) none"])
        bench.machine.write(bench.space, PageRange(1 << 30, count: 1))
        // A node that holds something is looked at page by page; the runs join again in the answer.
        #expect(runs(bench, PageRange(16, count: count - 16)).count == 4)
        bench.machine.run(Unmapping(bench.space, PageRange(0, count: count)))
        #expect(runs(bench, PageRange(0, count: count)) == ["0+\(count) error"])
    }
}
