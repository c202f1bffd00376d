import Testing

@testable import HMMMemory

@Suite struct ProtectionTests {
    private static let gibibyte: UInt64 = 1 << 18
    private static let slot: UInt64 = 1 << 27

    @Test func writeComesAndGoes() throws {
        var bench = try Bench()
        let pages = PageRange(16, count: 4)
        bench.machine.write(bench.space, PageRange(16, count: 3))
        bench.moveToDevice(PageRange(18, count: 1))
        _ = bench.machine.read(bench.space, Page(number: 19))
        #expect(bench.machine.picture(bench.space, pages) == "SSDz")
        var less = ProtectionChange(bench.space, pages, .read)
        #expect(bench.machine.run(&less).announced == [Invalidation(bench.space, pages, .protectionVMA)])
        #expect(less.changed == 3)
        #expect(bench.machine.picture(bench.space, pages) == "ssdz")
        #expect(
            bench.machine.run(CPUAccess(bench.space, pages, write: true)).fault
                == MemoryFault(.notWritable, Page(number: 16)))
        var more = ProtectionChange(bench.space, pages, [.read, .write])
        bench.machine.run(&more)
        // Device memory does not become writable again by itself; once the CPU has written it, it does.
        #expect(more.changed == 2 && bench.machine.picture(bench.space, pages) == "SSdz")
        bench.machine.write(bench.space, pages)
        #expect(bench.machine.picture(bench.space, pages) == "SSSS")
        #expect(bench.machine.violations() == [])
    }

    @Test func nothingIsAnnouncedForNothing() throws {
        var bench = try Bench()
        let pages = PageRange(16, count: 4)
        #expect(bench.machine.run(ProtectionChange(bench.space, pages, .read)) == Course())
        bench.machine.run(CPUAccess(bench.space, pages, write: false))
        #expect(bench.machine.run(ProtectionChange(bench.space, pages, .read)) == Course())
        #expect(bench.machine.run(ProtectionChange(bench.space, pages, [])).announced.count == 1)
    }

    @Test func whatLiesBeforeAHoleIsChanged() throws {
        var bench = try Bench(pages: 4)
        try bench.map(22, 4, .read)
        bench.machine.write(bench.space, PageRange(16, count: 4))
        let course = bench.machine.run(ProtectionChange(bench.space, PageRange(18, count: 8), []))
        #expect(course.fault == MemoryFault(.notMapped, Page(number: 20)))
        #expect(bench.machine.spaces[0].areas.areas.map(\.protection) == [[.read, .write], [], .read])
        #expect(
            bench.machine.run(ProtectionChange(bench.space, PageRange(20, count: 9), []))
                == Course(fault: MemoryFault(.notMapped, Page(number: 20))))
    }

    /// An event for each area, from the first populated gibibyte of it, cut where a slot of 512 GiB ends.
    @Test func eventsBeginWhereSomethingIs() throws {
        var bench = try Bench(pages: 2 * Self.slot - 16)
        func announced(_ range: PageRange, _ protection: Protection) -> [PageRange] {
            bench.machine.run(ProtectionChange(bench.space, range, protection)).announced.map(\.range)
        }
        let all = PageRange(16, count: 2 * Self.slot - 16)
        bench.machine.write(bench.space, PageRange(3 * Self.gibibyte + 700, count: 1))
        #expect(announced(all, .read) == [PageRange(3 * Self.gibibyte, count: Self.slot - 3 * Self.gibibyte)])
        // Within a populated gibibyte the event begins where the change does, even past everything that is there.
        // Before that the area is cut, where a huge mapping could be.
        #expect(
            announced(PageRange(3 * Self.gibibyte + 5000, count: 1), []) == [
                PageRange(3 * Self.gibibyte + 4608, count: 512), PageRange(3 * Self.gibibyte + 5000, count: 1),
            ])
        #expect(announced(PageRange(4 * Self.gibibyte, count: 100), []) == [])
        _ = bench.machine.read(bench.space, Page(number: Self.slot + 1))
        let later = PageRange(3 * Self.gibibyte + 5001, count: Self.gibibyte - 5001)
        #expect(
            announced(PageRange(later.start, all.end), [.read, .write]) == [
                later, PageRange(Self.slot, count: Self.slot),
            ])
        #expect(bench.machine.violations() == [])
    }

    /// Until its announcement is over, a change has changed nothing.
    @Test func theAreaChangesWithItsEntries() throws {
        var bench = try Bench()
        bench.machine.write(bench.space, PageRange(16, count: 4))
        var work = ProtectionChange(bench.space, PageRange(17, count: 2), .read)
        guard case .invalidate(let invalidation) = work.step(&bench.machine) else { throw Unexpected() }
        _ = bench.machine.begin(invalidation)
        #expect(bench.machine.spaces[0].areas.areas.count == 1)
        #expect(bench.machine.violations() == [])
        bench.machine.end(invalidation)
        #expect(work.step(&bench.machine) == .done)
        #expect(bench.machine.spaces[0].areas.areas.count == 3 && work.changed == 2)
    }

    private struct Unexpected: Error {}
}
