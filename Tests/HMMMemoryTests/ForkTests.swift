import Testing

@testable import HMMMemory

@Suite struct ForkTests {
    private static let pages = PageRange(16, count: 4)

    /// Private memory of every kind is shared and read-only on both sides, announced once for the area.
    @Test func sharing() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, PageRange(16, count: 3), "p")
        bench.moveToDevice(PageRange(18, count: 1))
        _ = bench.machine.read(bench.space, Page(number: 19))
        try bench.map(40, 4)
        var work = Fork(bench.space)
        let mirror = try bench.mirror()
        bench.fault(mirror, Self.pages)
        #expect(bench.machine.run(&work).announced == [Invalidation(bench.space, Self.pages, .protectionPage)])
        let child = try required(work.child)
        #expect(bench.picture(16, 4) == "ssdz" && bench.machine.picture(child, Self.pages) == "ssdz")
        #expect(bench.machine.picture(mirror, Self.pages) == "----")
        #expect(bench.frame(16).mappings == 2 && bench.machine.spaces[1].resident == 3)
        #expect(bench.machine.physical.used == 3 && bench.machine.spaces[1].areas.areas.count == 2)
    }

    /// The first to write copies; the one that is left has it for himself and writes in place.
    @Test func copiesOnWrite() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.pages, "p")
        let child = try bench.fork()
        let one = PageRange(17, count: 1)
        #expect(bench.machine.write(bench.space, one, "q").announced == [Invalidation(bench.space, one, .clear)])
        #expect(bench.picture(16, 4) == "sSss" && bench.machine.read(child, one.start) == "p")
        let frame = bench.machine.entry(child, 17).frame
        #expect(bench.machine.write(child, one, "c") == Course())
        #expect(bench.machine.entry(child, 17).frame == frame && bench.machine.read(bench.space, one.start) == "q")
        bench.machine.run(SpaceExit(child))
        bench.machine.removeSpace(child)
        #expect(bench.machine.write(bench.space, Self.pages) == Course())
        #expect(bench.machine.physical.used == 4 && bench.machine.violations() == [])
    }

    /// A device's page comes back for both when either touches it; the other is told.
    @Test func deviceMemoryComesBackForBoth() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.pages, "p")
        bench.moveToDevice(PageRange(16, count: 2))
        let child = try bench.fork()
        let one = PageRange(16, count: 1)
        let course = bench.machine.run(CPUAccess(child, one, write: false))
        #expect(
            course.announced == [
                Invalidation(child, one, .migrate, owner: bench.gpu), Invalidation(bench.space, one, .clear),
            ])
        #expect(bench.picture(16, 4) == "sdss" && bench.machine.picture(child, Self.pages) == "sdss")
        // The writer gets a copy besides.
        bench.machine.write(bench.space, PageRange(17, count: 1), "w")
        #expect(bench.picture(16, 4) == "sSss" && bench.machine.picture(child, Self.pages) == "ssss")
        #expect(bench.machine.read(child, Page(number: 17)) == "p")
    }

    @Test func whatDoesNotGoWithIt() throws {
        var bench = try Bench(pages: 4)
        try bench.map(30, 4)
        bench.machine.write(bench.space, Self.pages)
        bench.machine.write(bench.space, PageRange(30, count: 4))
        bench.machine.run(AdviceChange(bench.space, Self.pages, .dontFork))
        bench.machine.run(AdviceChange(bench.space, PageRange(30, count: 4), .wipeOnFork))
        var work = Fork(bench.space)
        #expect(bench.machine.run(&work) == Course())
        let child = try required(work.child)
        #expect(bench.machine.spaces[1].areas.areas.map(\.range) == [PageRange(30, count: 4)])
        #expect(bench.machine.picture(child, PageRange(30, count: 4)) == "----" && bench.picture(30, 4) == "SSSS")
        #expect(bench.machine.read(child, Page(number: 30)) == "\0")
    }

    /// Shared memory stays shared, and nothing of it is announced.
    @Test func sharedMemory() throws {
        var bench = try Bench(pages: 0)
        try bench.map(16, 4, [.read, .write], .file, shared: true)
        bench.machine.write(bench.space, Self.pages, "p")
        var work = Fork(bench.space)
        #expect(bench.machine.run(&work) == Course())
        let child = try required(work.child)
        #expect(bench.picture(16, 4) == "SSSS" && bench.machine.picture(child, Self.pages) == "----")
        bench.machine.write(child, PageRange(16, count: 1), "c")
        #expect(bench.machine.read(bench.space, Page(number: 16)) == "c" && bench.machine.physical.used == 4)
    }

    /// Who does I/O on a page goes on seeing the parent's; a mere reference does not count.
    @Test func aPinnedPageIsCopiedAtOnce() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.pages, "p")
        bench.machine.run(Pinning(bench.space, PageRange(16, count: 1), write: true, pin: true, longTerm: false))
        bench.machine.run(Pinning(bench.space, PageRange(17, count: 1), write: true, pin: false, longTerm: false))
        let child = try bench.fork()
        #expect(bench.picture(16, 4) == "Ssss" && bench.machine.picture(child, Self.pages) == "Ssss")
        #expect(bench.machine.entry(child, 16).frame != bench.entry(16).frame)
        #expect(bench.machine.read(child, Page(number: 16)) == "p")
    }

    /// At the limit nothing is left of the copy.
    @Test func theLimit() throws {
        var bench = try Bench(pages: 4, frameLimit: 4)
        bench.machine.write(bench.space, Self.pages)
        bench.machine.run(Pinning(bench.space, PageRange(18, count: 1), write: true, pin: true, longTerm: false))
        var work = Fork(bench.space)
        #expect(bench.machine.run(&work).fault?.cause == .limit && work.child == nil)
        #expect(bench.machine.spaces.count == 1 && bench.machine.physical.used == 4)
        #expect(bench.machine.write(bench.space, Self.pages) == Course())
    }

    /// Grandchildren find their pages through their ancestors' objects.
    @Test func generations() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, Self.pages, "p")
        let child = try bench.fork()
        bench.machine.write(child, PageRange(16, count: 1), "c")
        var again = Fork(child)
        bench.machine.run(&again)
        let grandchild = try required(again.child)
        let one = PageRange(16, count: 1)
        bench.machine.run(Migration(grandchild, PageRange(16, count: 2), .there(bench.gpu)))
        for space in [child, grandchild] { #expect(bench.machine.picture(space, one) == "d") }
        #expect(bench.picture(16, 2) == "sd" || bench.picture(16, 2) == "Sd")
        #expect(bench.machine.read(grandchild, one.start) == "c")
        for space in [bench.space, child, grandchild] {
            bench.machine.run(SpaceExit(space))
            bench.machine.removeSpace(space)
        }
        #expect(bench.machine.physical.used == 0 && bench.machine.anonymousObjects.count == 0)
    }
}
