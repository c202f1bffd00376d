import Testing

@testable import HMMMemory

@Suite struct CPUAccessTests {
    private static let pages = PageRange(16, count: 4)

    @Test func readsMapTheZeroPageAndWritesMemory() throws {
        var bench = try Bench()
        #expect(bench.machine.run(CPUAccess(bench.space, Self.pages, write: false)) == Course())
        #expect(bench.machine.picture(bench.space, Self.pages) == "zzzz")
        #expect(bench.machine.physical.used == 0 && bench.machine.spaces[0].resident == 0)
        // The zero page gives way page by page, each announced.
        let course = bench.machine.run(CPUAccess(bench.space, PageRange(17, count: 2), write: true))
        #expect(course.announced == [17, 18].map { Invalidation(bench.space, PageRange($0, count: 1), .clear) })
        #expect(bench.machine.run(CPUAccess(bench.space, PageRange(20, count: 1), write: true)) == Course())
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 5)) == "zSSzS")
        #expect(bench.machine.spaces[0].resident == 3 && bench.machine.physical.used == 3)
        #expect(bench.machine.violations() == [])
    }

    @Test(arguments: [
        Permitted([], .notMapped, .notMapped), Permitted([.read], nil, .notWritable), Permitted([.write], nil, nil),
        Permitted([.execute], nil, .notWritable), Permitted([.read, .write], nil, nil),
    ])
    func whatTheAreaPermits(_ permitted: Permitted) throws {
        var bench = try Bench(pages: 2)
        try bench.map(18, 1, permitted.protection)
        for (isWrite, cause) in [(false, permitted.read), (true, permitted.write)] {
            let course = bench.machine.run(CPUAccess(bench.space, PageRange(16, count: 3), write: isWrite))
            #expect(course.fault == cause.map { MemoryFault($0, Page(number: 18)) })
            // Everything is checked before anything is done.
            if cause != nil, !isWrite { #expect(bench.machine.picture(bench.space, PageRange(16, count: 3)) == "---") }
        }
        #expect(bench.machine.run(CPUAccess(bench.space, PageRange(16, count: 4), write: false)).fault != nil)
    }

    /// Neighbours on the same device come back with one announcement in the device's name; what lies between does not.
    @Test func deviceMemoryComesBack() throws {
        var bench = try Bench()
        bench.machine.write(bench.space, PageRange(16, count: 7), "abc")
        bench.moveToDevice(PageRange(16, count: 3))
        bench.moveToDevice(PageRange(19, count: 1), bench.other)
        bench.moveToDevice(PageRange(21, count: 2))
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 7)) == "DDDDSDD")
        let course = bench.machine.run(CPUAccess(bench.space, PageRange(17, count: 5), write: false))
        #expect(
            course.announced == [
                Invalidation(bench.space, PageRange(17, count: 2), .migrate, owner: bench.gpu),
                Invalidation(bench.space, PageRange(19, count: 1), .migrate, owner: bench.other),
                Invalidation(bench.space, PageRange(21, count: 1), .migrate, owner: bench.gpu),
            ])
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 7)) == "DSSSSSD")
        for page in 16..<23 as Range<UInt64> {
            #expect(bench.machine.read(bench.space, Page(number: page), count: 3) == "abc")
        }
        #expect(bench.machine.physical.used == 7 && bench.machine.regions[0].used == 0)
        #expect(bench.machine.violations() == [])
    }

    /// A page that was read-only on its device is made writable in place, without a word to anyone.
    @Test func aReadOnlyPageIsUpgradedInPlace() throws {
        var bench = try Bench()
        bench.machine.write(bench.space, Self.pages)
        bench.machine.run(ProtectionChange(bench.space, Self.pages, .read))
        bench.moveToDevice(Self.pages)
        bench.machine.run(ProtectionChange(bench.space, Self.pages, [.read, .write]))
        #expect(bench.machine.picture(bench.space, Self.pages) == "dddd")
        bench.machine.run(CPUAccess(bench.space, Self.pages, write: false))
        #expect(bench.machine.picture(bench.space, Self.pages) == "ssss")
        #expect(bench.machine.run(CPUAccess(bench.space, Self.pages, write: true)) == Course())
        #expect(bench.machine.picture(bench.space, Self.pages) == "SSSS")
    }

    @Test func bytesAcrossPages() throws {
        var bench = try Bench()
        let address = Self.pages.start.address + 4090
        bench.machine.run(CPUAccess(bench.space, PageRange(touching: address, length: 4110), write: true))
        Array("0123456789".utf8).withUnsafeBytes { bench.machine.store(bench.space, address, 4110, from: $0) }
        var octets = [UInt8](repeating: 0, count: 4112)
        octets.withUnsafeMutableBytes { bench.machine.load(bench.space, address - 1, into: $0) }
        #expect(octets[0] == 0 && octets[4111] == 0)
        #expect(octets[1...4110].enumerated().allSatisfy { $1 == UInt8(48 + $0 % 10) })
    }

    /// Every length of pattern is repeated rightly, below and above a page.
    @Test(arguments: [1, 2, 3, 7, 4095, 4096, 4097, 5000] as [UInt64]) func patternsRepeat(_ count: UInt64) throws {
        var bench = try Bench()
        let pattern = (0..<count).map { UInt8($0 * 7 % 251) }
        let length: UInt64 = 12_345
        let address = Self.pages.start.address + 17
        bench.machine.run(CPUAccess(bench.space, PageRange(touching: address, length: length), write: true))
        pattern.withUnsafeBytes { bench.machine.store(bench.space, address, length, from: $0) }
        var octets = [UInt8](repeating: 1, count: Int(length) + 1)
        octets.withUnsafeMutableBytes { bench.machine.load(bench.space, address, into: $0) }
        #expect(octets.dropLast().enumerated().allSatisfy { $1 == pattern[$0 % pattern.count] })
        #expect(octets.last == 0)
    }

    @Test func theLimit() throws {
        var bench = try Bench(frameLimit: 3)
        #expect(
            bench.machine.write(bench.space, PageRange(16, count: 5)).fault == MemoryFault(.limit, Page(number: 19)))
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 5)) == "SSS--")
        _ = bench.machine.read(bench.space, Page(number: 30))
        #expect(
            bench.machine.write(bench.space, PageRange(30, count: 1)).fault == MemoryFault(.limit, Page(number: 30)))
        bench.moveToDevice(PageRange(16, count: 4))
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 4)) == "DDD-")
        #expect(bench.machine.read(bench.space, Page(number: 17)) == nil || bench.machine.physical.used == 3)
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 4)) == "DSD-")
        #expect(bench.machine.violations() == [])
    }

    /// After a pause the announced change is made, and the rest looked at anew.
    @Test func aPause() throws {
        var bench = try Bench()
        bench.machine.run(CPUAccess(bench.space, Self.pages, write: false))
        var work = CPUAccess(bench.space, Self.pages, write: true)
        guard case .invalidate(let invalidation) = work.step(&bench.machine) else { throw Unexpected() }
        _ = bench.machine.begin(invalidation)
        bench.machine.end(invalidation)
        #expect(work.restart(&bench.machine) == nil)
        #expect(bench.machine.picture(bench.space, Self.pages) == "Szzz")
        bench.machine.run(Unmapping(bench.space, PageRange(16, count: 1)))
        #expect(work.step(&bench.machine) == .failed(MemoryFault(.notMapped, Page(number: 16))))
    }

    private struct Unexpected: Error {}
}
