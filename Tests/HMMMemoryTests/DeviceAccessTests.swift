import Testing

@testable import HMMMemory

@Suite struct DeviceAccessTests {
    private static let pages = PageRange(16, count: 3)

    private func access(
        _ bench: inout Bench, _ mirror: MirrorID, _ pages: PageRange = Self.pages, write: Bool
    ) -> (faults: UInt64, course: Course) {
        var work = DeviceAccess(mirror, pages, write: write, batch: .max)
        let course = bench.machine.run(&work)
        return (work.faults, course)
    }

    /// One fault for everything that is missing, from its first page on; none when all is there.
    @Test func faultsAreCounted() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        #expect(access(&bench, mirror, write: false) == (1, Course()))
        #expect(access(&bench, mirror, write: false) == (0, Course()))
        #expect(bench.machine.picture(mirror, Self.pages) == "zzz")
        // The zero page serves no store.
        let (faults, course) = access(&bench, mirror, PageRange(17, count: 2), write: true)
        #expect(faults == 1 && course.announced.count == 2)
        #expect(bench.machine.picture(mirror, Self.pages) == "zSS")
        #expect(access(&bench, mirror, write: false).faults == 0)
        #expect(access(&bench, mirror, write: true).faults == 1)
        #expect(access(&bench, mirror, write: true).faults == 0)
    }

    @Test func bytesGoThroughTheDevicesTable() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, Self.pages, "cpu")
        bench.moveToDevice(PageRange(17, count: 1))
        #expect(access(&bench, mirror, write: true).course == Course())
        #expect(bench.machine.picture(mirror, Self.pages) == "SDS")
        let address = Self.pages.start.address + 4095
        Array("device".utf8).withUnsafeBytes { bench.machine.deviceStore(mirror, address, 6, from: $0) }
        var octets = [UInt8](repeating: 0, count: 8)
        octets.withUnsafeMutableBytes { bench.machine.deviceLoad(mirror, address - 1, into: $0) }
        #expect(octets == [0] + Array("device".utf8) + [0])
        #expect(bench.machine.read(bench.space, Page(number: 17), count: 6) == "evice\0")
        // What a device cannot translate is zeroes to it, and not there to be written.
        bench.machine.letGo(mirror, Self.pages)
        octets.withUnsafeMutableBytes { bench.machine.deviceLoad(mirror, address - 1, into: $0) }
        #expect(octets == [UInt8](repeating: 0, count: 8))
        Array("lost".utf8).withUnsafeBytes { bench.machine.deviceStore(mirror, address, 4, from: $0) }
        #expect(bench.machine.read(bench.space, Page(number: 17), count: 5) == "evice")
    }

    @Test func ownReadOnlyMemoryIsNotWritten() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, Self.pages)
        bench.moveToDevice(PageRange(17, count: 1))
        bench.machine.run(ProtectionChange(bench.space, PageRange(17, count: 1), .read))
        bench.machine.run(ProtectionChange(bench.space, PageRange(17, count: 1), [.read, .write]))
        let (faults, course) = access(&bench, mirror, write: true)
        #expect(faults == 1 && course.fault == MemoryFault(.readOnlyOnDevice, Page(number: 17)))
        #expect(access(&bench, mirror, write: false).course == Course())
    }

    @Test func refusals() throws {
        var bench = try Bench(pages: 2)
        let mirror = try bench.mirror()
        #expect(access(&bench, mirror, write: false).course.fault == MemoryFault(.notMapped, Page(number: 18)))
        try bench.map(18, 1, .read)
        #expect(access(&bench, mirror, write: true).course.fault == MemoryFault(.notWritable, Page(number: 18)))
        bench.machine.dropMirror(mirror)
        #expect(access(&bench, mirror, write: false).course.fault?.cause == .gone)
    }

    /// No room for the device's table: it is refused rather than faulted for ever.
    @Test func noRoomInTheTable() throws {
        var bench = try Bench(frameLimit: 8)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, Self.pages)
        bench.machine.tableNodes.used += bench.machine.tableNodes.limit
        let (faults, course) = access(&bench, mirror, write: false)
        #expect(faults == 1 && course.fault == MemoryFault(.limit, Page(number: 16)))
        #expect(access(&bench, mirror, write: true).course.fault == MemoryFault(.limit, Page(number: 16)))
        bench.machine.tableNodes.used -= bench.machine.tableNodes.limit
        #expect(access(&bench, mirror, write: true).course == Course())
    }

    /// What is lost during a pause is faulted again, and counted.
    @Test func aPause() throws {
        var bench = try Bench()
        let mirror = try bench.mirror()
        _ = access(&bench, mirror, PageRange(16, count: 1), write: true)
        bench.machine.run(CPUAccess(bench.space, PageRange(17, count: 2), write: false))
        var work = DeviceAccess(mirror, Self.pages, write: true, batch: .max)
        guard case .invalidate(let invalidation) = work.step(&bench.machine) else { return #expect(Bool(false)) }
        for mirror in bench.machine.begin(invalidation) { bench.machine.letGo(mirror, invalidation.range) }
        bench.machine.letGo(mirror, PageRange(16, count: 1))
        bench.machine.end(invalidation)
        #expect(work.restart(&bench.machine) == nil)
        #expect(bench.machine.run(&work).fault == nil)
        #expect(work.faults == 2 && bench.machine.picture(mirror, Self.pages) == "SSS")
    }
}
