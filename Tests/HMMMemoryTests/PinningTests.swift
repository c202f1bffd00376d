import Testing

@testable import HMMMemory

@Suite struct PinningTests {
    private static let pages = PageRange(16, count: 4)
    private static let one = PageRange(16, count: 1)

    private func pin(
        _ bench: inout Bench, _ pages: PageRange = Self.pages, write: Bool = true, pin: Bool = true,
        longTerm: Bool = false
    ) -> (id: PinID?, course: Course) {
        var work = Pinning(bench.space, pages, write: write, pin: pin, longTerm: longTerm)
        let course = bench.machine.run(&work)
        return (work.pin, course)
    }

    private func stays(_ bench: inout Bench, _ pages: PageRange = Self.one) -> Migration.Outcome? {
        var work = Migration(bench.space, pages, .there(bench.gpu))
        bench.machine.run(&work)
        return work.runs.first?.outcome
    }

    /// Whatever holds a page keeps it from moving until it is given back.
    @Test(arguments: [true, false]) func aHeldPageStays(_ isPin: Bool) throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, PageRange(17, count: 1))
        let (made, course) = pin(&bench, pin: isPin)
        let id = try required(made)
        #expect(course == Course() && bench.picture(16, 4) == "SSSS")
        #expect(bench.frame(16).references == 2 && bench.frame(16).pins == (isPin ? 1 : 0))
        #expect(stays(&bench) == .stayed(.pinned))
        #expect(bench.machine.unpin(id) == 4 && bench.machine.unpin(id) == 0 && bench.machine.pins.isEmpty)
        #expect(stays(&bench) == .moved && bench.machine.violations() == [])
    }

    /// What is held outlives its mapping.
    @Test func unmapping() throws {
        var bench = try Bench(pages: 4)
        let id = try required(pin(&bench).id)
        bench.machine.run(Unmapping(bench.space, Self.pages))
        #expect(bench.machine.physical.used == 4)
        #expect(bench.machine.unpin(id) == 4 && bench.machine.physical.used == 0)
    }

    @Test(arguments: [(true, false), (true, true), (false, false)])
    func privateDeviceMemoryComesBack(_ isPin: Bool, _ isLongTerm: Bool) throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.pages, "p")
        bench.moveToDevice(PageRange(17, count: 2))
        let course = pin(&bench, write: false, pin: isPin, longTerm: isLongTerm).course
        #expect(course.announced == [Invalidation(bench.space, PageRange(17, count: 2), .migrate, owner: bench.gpu)])
        #expect(bench.picture(16, 4) == "SSSS")
    }

    /// Coherent memory moves off its device only for those who hold it long.
    @Test(arguments: [true, false]) func coherentMemory(_ isLongTerm: Bool) throws {
        var bench = try Bench(pages: 4, .coherent)
        bench.machine.write(bench.space, Self.pages, "p")
        bench.moveToDevice(Self.pages)
        let course = pin(&bench, longTerm: isLongTerm).course
        #expect(bench.picture(16, 4) == (isLongTerm ? "SSSS" : "CCCC"))
        #expect(
            course.announced
                == (isLongTerm ? (16..<20).map { Invalidation(bench.space, PageRange($0, count: 1), .clear) } : []))
        #expect(bench.machine.regions[0].used == (isLongTerm ? 0 : 4))
        #expect(bench.machine.read(bench.space, Page(number: 17)) == "p")
        // One that someone else holds cannot.
        guard !isLongTerm else { return }
        #expect(pin(&bench, longTerm: true).course.fault == MemoryFault(.pinned, Page(number: 16)))
    }

    /// A pin to read must not see the copy of another: what is shared is copied first, though not made writable.
    @Test func unsharing() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.pages, "p")
        let child = try bench.fork()
        #expect(pin(&bench, Self.one, write: false, pin: false).course == Course())
        let shared = bench.entry(16).frame
        #expect(bench.machine.entry(child, 16).frame == shared)
        let next = PageRange(17, count: 1)
        #expect(pin(&bench, next, write: false).course.announced == [Invalidation(bench.space, next, .clear)])
        #expect(bench.picture(16, 4) == "ssss" && bench.frame(17).isExclusivelyOwned && bench.frame(17).pins == 1)
        #expect(bench.entry(17).frame != bench.machine.entry(child, 17).frame)
        // A write in place from now on.
        #expect(bench.machine.write(bench.space, next) == Course())
    }

    /// The zero page does for a pin that is soon over.
    @Test func theZeroPage() throws {
        var bench = try Bench(pages: 4)
        #expect(pin(&bench, write: false).course == Course() && bench.picture(16, 4) == "zzzz")
        let course = pin(&bench, write: false, longTerm: true).course
        #expect(course.announced.count == 4 && bench.picture(16, 4) == "ssss")
        #expect(bench.machine.physical.used == 4)
    }

    @Test func refusals() throws {
        var bench = try Bench(pages: 2)
        let fault = MemoryFault(.notMapped, Page(number: 18))
        #expect(pin(&bench).course == Course(fault: fault) && bench.machine.pins.isEmpty)
        #expect(bench.frame(16).references == 1)
        try bench.map(18, 2, .read)
        #expect(pin(&bench).course.fault == fault && pin(&bench, write: false).course.fault == nil)
        #expect(bench.machine.unpin(PinID(rawValue: 9)) == 0)
    }

    /// One pin may have the same frame many times. One pin more than can be counted changes nothing.
    @Test(arguments: [true, false]) func theMostPinsOfAFrame(_ isPin: Bool) throws {
        var bench = try Bench(pages: 0)
        let file = bench.machine.makeFile(length: 4096)
        for page in 16..<272 as Range<UInt64> {
            let plan = MappingPlan(
                at: Page(number: page), count: 1, [.read, .write], .file, shared: true, file: file)
            _ = try bench.machine.mapArea(bench.space, plan, areaLimit: 1000)
        }
        let all = PageRange(16, count: 256)
        var pins: [PinID] = []
        for _ in 0..<255 {
            var work = Pinning(bench.space, all, write: false, pin: isPin, longTerm: false)
            guard work.step(&bench.machine) == .done else { break }
            pins.append(try required(work.pin))
        }
        #expect(pins.count == 255 && bench.frame(16).references == 256 + 1 + 255 * 256)
        let before = bench.machine.wholeState()
        let (pin, course) = pin(&bench, all, write: false, pin: isPin)
        guard isPin else { return #expect(course == Course() && bench.frame(16).pins == 0) }
        #expect(pin == nil && course == Course(fault: MemoryFault(.limit, Page(number: 271))))
        #expect(bench.machine.wholeState() == before && bench.frame(16).pins == 255 * 256)
        #expect(bench.machine.pinnedPages == 255 * 256 && bench.machine.pins.nextID.rawValue == 256)
        let last = try required(self.pin(&bench, PageRange(16, count: 255), write: false).id)
        #expect(bench.frame(16).pins == Frame.mostPins)
        var end = Unpinning(pins + [last])
        #expect(end.step(&bench.machine) == .done && bench.frame(16).pins == 0)
        #expect(bench.frame(16).references == 257)
    }
}
