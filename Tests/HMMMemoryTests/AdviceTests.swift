import Testing

@testable import HMMMemory

@Suite struct AdviceTests {
    private static let four = PageRange(16, count: 4)

    private func advise(_ bench: inout Bench, _ advice: MemoryAdvice, _ range: PageRange = Self.four)
        -> (changed: UInt64, course: Course)
    {
        var work = AdviceChange(bench.space, range, advice)
        let course = bench.machine.run(&work)
        return (work.changed, course)
    }

    private func clear(_ bench: borrowing Bench, _ range: PageRange = Self.four) -> Course {
        Course(announced: [Invalidation(bench.space, range, .clear)])
    }

    @Test func dontNeed() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.four, "d")
        bench.moveToDevice(PageRange(17, count: 1))
        #expect(advise(&bench, .dontNeed) == (4, clear(bench)))
        #expect(bench.picture(16, 4) == "----" && bench.machine.physical.used == 0)
        #expect(bench.machine.read(bench.space, Page(number: 17)) == "\0")
        // It is announced whether or not anything is there.
        #expect(advise(&bench, .dontNeed) == (0, clear(bench)))
    }

    /// Of a file the space's own pages go, and the file's are found again.
    @Test func dontNeedOfAFile() throws {
        var bench = try Bench(pages: 0)
        try bench.map(16, 4, [.read, .write], .file, shared: true)
        bench.machine.write(bench.space, Self.four, "f")
        #expect(advise(&bench, .dontNeed) == (4, clear(bench)))
        #expect(bench.machine.read(bench.space, Page(number: 17)) == "f")
    }

    /// Nothing takes the memory while there is enough.
    @Test func free() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.four, "f")
        bench.moveToDevice(PageRange(17, count: 1))
        #expect(advise(&bench, .free) == (0, clear(bench)) && bench.picture(16, 4) == "SDSS")
        try bench.map(30, 1, .read, .file)
        #expect(advise(&bench, .free, PageRange(30, count: 1)).course.fault?.cause == .wrongKind)
    }

    @Test func remove() throws {
        var bench = try Bench(pages: 0)
        let id = bench.machine.makeFile(length: 8 << 12)
        try bench.map(16, 4, [.read, .write], .file, shared: true, file: id, offset: 2)
        try bench.map(30, 8, [.read, .write], .file, file: id)
        bench.machine.write(bench.space, Self.four, "r")
        bench.machine.write(bench.space, PageRange(33, count: 1), "p")
        let course = advise(&bench, .remove, PageRange(17, count: 2))
        #expect(course.changed == 2)
        #expect(course.course.announced.map(\.range) == [PageRange(33, count: 2), PageRange(17, count: 2)])
        #expect(bench.picture(16, 4) == "S--S" && bench.picture(33, 1) == "S")
        #expect(bench.machine.read(bench.space, Page(number: 17)) == "\0")
        #expect(advise(&bench, .remove, PageRange(30, count: 1)).course.fault?.cause == .notWritable)
        try bench.map(50, 1)
        #expect(advise(&bench, .remove, PageRange(50, count: 1)).course.fault?.cause == .wrongKind)
    }

    /// Marks cut areas, exclude one another and are taken back.
    @Test func marks() throws {
        var bench = try Bench(pages: 4)
        func marks() -> [Area.Advice] { bench.machine.spaces[0].areas.areas.map(\.advice) }
        #expect(
            advise(&bench, .hugePage, PageRange(17, count: 1)).course == Course() && marks() == [[], .hugePage, []])
        _ = advise(&bench, .noHugePage)
        #expect(marks() == [.noHugePage])
        _ = advise(&bench, .dontFork)
        _ = advise(&bench, .wipeOnFork)
        #expect(marks() == [[.noHugePage, .dontFork, .wipeOnFork]])
        _ = advise(&bench, .doFork)
        _ = advise(&bench, .keepOnFork)
        #expect(marks() == [.noHugePage])
        try bench.map(30, 1, .read, .file)
        #expect(advise(&bench, .wipeOnFork, PageRange(30, count: 1)).course.fault?.cause == .wrongKind)
        try bench.map(40, 1, .read, .io)
        #expect(advise(&bench, .doFork, PageRange(40, count: 1)).course.fault?.cause == .wrongKind)
    }

    /// What lies in 2 MiB becomes one huge page, a device's pages after they have come back.
    @Test func collapse() throws {
        var bench = try Bench(pages: 1200)
        let whole = PageRange(512, count: 512)
        bench.machine.write(bench.space, PageRange(515, count: 2), "c")
        bench.moveToDevice(PageRange(516, count: 1))
        _ = bench.machine.read(bench.space, Page(number: 600))
        let (changed, course) = advise(&bench, .collapse, PageRange(500, count: 600))
        #expect(
            changed == 512
                && course.announced == [
                    Invalidation(bench.space, PageRange(516, count: 1), .migrate, owner: bench.gpu),
                    Invalidation(bench.space, whole, .clear),
                ])
        #expect(bench.entry(512).isHuge && bench.machine.physical.used == 512)
        #expect([514, 515, 516].map { bench.machine.read(bench.space, Page(number: $0)) } == ["\0", "c", "c"])
        // Once is enough; what reaches no whole 2 MiB is refused, unless it begins where one does: that is the
        // kernel's.
        #expect(advise(&bench, .collapse, whole) == (0, Course()))
        #expect(advise(&bench, .collapse, Self.four).course.fault?.cause == .wrongKind)
        #expect(advise(&bench, .collapse, PageRange(1024, count: 176)) == (0, Course()))
        _ = advise(&bench, .noHugePage, whole)
        #expect(advise(&bench, .collapse, whole).course.fault?.cause == .wrongKind)
    }

    /// Shared memory is not collapsed.
    @Test func collapseOfSharedPages() throws {
        var bench = try Bench(pages: 0)
        try bench.map(512, 512)
        bench.machine.write(bench.space, PageRange(512, count: 1))
        _ = try bench.fork()
        #expect(advise(&bench, .collapse, PageRange(512, count: 512)).course.fault?.cause == .wrongKind)
    }

    /// They take nothing away; a huge page that an end cuts is split for good.
    @Test(arguments: [MemoryAdvice.cold, .pageOut]) func coldPages(_ advice: MemoryAdvice) throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.four, "c")
        #expect(advise(&bench, advice) == (0, Course()) && bench.picture(16, 4) == "SSSS")
        try bench.mapHuge(2048, 1024)
        let whole = PageRange(2048, count: 512)
        #expect(advise(&bench, advice, whole) == (0, Course()) && bench.entry(2048).isHuge)
        #expect(advise(&bench, advice, PageRange(2048, count: 3)) == (0, clear(bench, whole)))
        #expect(bench.picture(2048, 3) == "Szz" && bench.machine.physical.used == 5)
        try bench.map(4096, 512, .read, .hugetlb)
        #expect(advise(&bench, advice, PageRange(4096, count: 512)).course.fault?.cause == .wrongKind)
    }

    @Test func populate() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, PageRange(17, count: 1))
        bench.moveToDevice(PageRange(17, count: 1))
        let read = advise(&bench, .populateRead)
        #expect(read.course.announced.map(\.reason) == [.migrate] && bench.picture(16, 4) == "zSzz")
        let write = advise(&bench, .populateWrite)
        #expect(write.course.announced.map(\.range) == [16, 18, 19].map { PageRange($0, count: 1) })
        #expect(bench.picture(16, 4) == "SSSS")
        try bench.map(20, 2, .read)
        #expect(advise(&bench, .populateWrite, PageRange(16, count: 6)).course.fault?.cause == .wrongKind)
        #expect(advise(&bench, .populateRead, PageRange(16, count: 6)) == (2, Course()))
    }

    /// A hole is reported at the end; only populating stops there.
    @Test func holes() throws {
        var bench = try Bench(pages: 2)
        try bench.map(20, 2)
        let fault = MemoryFault(.notMapped, Page(number: 18))
        let all = PageRange(16, count: 6)
        #expect(advise(&bench, .populateRead, all).course.fault == fault && bench.picture(16, 6) == "zz----")
        bench.machine.write(bench.space, PageRange(20, count: 2))
        #expect(advise(&bench, .dontNeed, all).course.fault == fault && bench.picture(16, 6) == "------")
        #expect(advise(&bench, .dontFork, all).course.fault == fault)
        #expect(bench.machine.spaces[0].areas.areas.allSatisfy { $0.advice == .dontFork })
    }

    /// Huge pages that are mapped in pieces are found once each, and looking for them is work.
    @Test(arguments: [.cold, .pageOut, .free] as [MemoryAdvice]) func lookingForHugePages(_ advice: MemoryAdvice) throws
    {
        var bench = try Bench(pages: 8 * 512, frameLimit: 8192)
        let all = PageRange(16, count: 8 * 512)
        for page in stride(from: 16 as UInt64, to: 8 * 512, by: 512) {
            var access = CPUAccess(bench.space, PageRange(page, count: 512), write: true)
            #expect(access.step(&bench.machine) == .done)
        }
        let before = bench.machine.spent
        var work = AdviceChange(bench.space, all, advice)
        var slices = 0
        bench.machine.beginSlice(100)
        while work.step(&bench.machine) != .done {
            slices += 1
            bench.machine.beginSlice(100)
            try #require(slices < 10000)
        }
        #expect(slices >= 8 && bench.machine.spent - before < 4 * 4096)
    }
}
