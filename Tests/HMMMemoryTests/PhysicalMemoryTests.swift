import Testing

@testable import HMMMemory

@Suite struct PhysicalMemoryTests {
    private static func zone(_ capacity: UInt64, section: UInt64 = 8) -> Zone {
        Zone(firstFrame: section << 9, capacity: capacity)
    }

    @Test func theLowestFreeFrameComesFirst() throws {
        var memory = PhysicalMemory(limit: 10_000)
        var zone = Self.zone(10_000)
        let frames = (0..<1030).compactMap { _ in memory.allocate(&zone)?.number }
        #expect(frames == Array(0x1000..<0x1000 + 1030))
        for number in [0x1405, 0x1003, 0x1200, 0x1201] as [UInt64] {
            memory.release(FrameNumber(number: number), &zone)
        }
        #expect((0..<5).compactMap { _ in memory.allocate(&zone)?.number } == [0x1003, 0x1200, 0x1201, 0x1405, 0x1406])
        #expect(memory.used == 1031 && zone.used == 1031)
    }

    /// A zone holds as many frames as it has, whether or not they fill its last section.
    @Test(arguments: [1, 63, 64, 65, 511, 512, 513, 1000, 1024] as [UInt64])
    func aZoneHasItsCapacity(_ capacity: UInt64) {
        var memory = PhysicalMemory(limit: 10_000)
        var zone = Self.zone(capacity)
        var frames: [FrameNumber] = []
        while let frame = memory.allocate(&zone) { frames.append(frame) }
        #expect(frames.map(\.number) == Array(0x1000..<0x1000 + capacity))
        memory.release(frames[0], &zone)
        #expect(memory.allocate(&zone)?.number == 0x1000)
        #expect(memory.allocate(&zone) == nil)
        for frame in frames { memory.release(frame, &zone) }
        #expect(memory.used == 0 && zone.used == 0)
        #expect(memory.allocate(&zone)?.number == 0x1000)
    }

    /// More sections than one word of the zone's map.
    @Test func manySections() {
        var memory = PhysicalMemory(limit: 100_000)
        var zone = Self.zone(66 * 512)
        var last: FrameNumber?
        while let frame = memory.allocate(&zone) { last = frame }
        #expect(last?.number == 0x1000 + 66 * 512 - 1)
        memory.release(FrameNumber(number: 0x1000 + 65 * 512), &zone)
        #expect(memory.allocate(&zone)?.number == 0x1000 + 65 * 512)
    }

    @Test func theLimitCountsEveryZone() {
        var memory = PhysicalMemory(limit: 3)
        var low = Self.zone(100)
        var high = Self.zone(100, section: 100)
        #expect([memory.allocate(&low), memory.allocate(&high), memory.allocate(&low)].contains(nil) == false)
        #expect([memory.allocate(&low), memory.allocate(&high)] == [nil, nil])
        // What takes the place of another passes the limit, and only the limit.
        #expect(memory.allocate(&high, replacing: true)?.number == 100 << 9 + 1)
        memory.release(FrameNumber(number: 100 << 9), &high)
        #expect(memory.used == 3 && memory.allocate(&low) == nil)
    }

    @Test func theLastReferenceFrees() throws {
        var memory = PhysicalMemory(limit: 3)
        var zone = Self.zone(3)
        let frame = try required(memory.allocate(&zone))
        memory.frame(frame).pointee.references += 1
        #expect(memory.release(frame, &zone) == false)
        #expect(memory.used == 1)
        #expect(memory.release(frame, &zone) == true)
        #expect(memory.used == 0)
    }

    /// Bytes stay with their frame while sections come and go around it.
    @Test func bytesStay() throws {
        var memory = PhysicalMemory(limit: 5000)
        var zone = Self.zone(5000)
        var frames: [FrameNumber] = []
        for index in 0..<1600 as Range<UInt64> {
            let frame = try required(memory.allocate(&zone))
            frames.append(frame)
            memory.bytes(frame).storeBytes(of: index, as: UInt64.self)
            memory.bytes(frame).storeBytes(of: ~index, toByteOffset: 4088, as: UInt64.self)
        }
        // The first and the third section go, one is kept for later, one is not; the second stays.
        for frame in frames[..<512] + frames[1024...] { memory.release(frame, &zone) }
        for index in 512..<1024 {
            #expect(memory.bytes(frames[index]).load(as: UInt64.self) == UInt64(index))
            #expect(memory.bytes(frames[index]).load(fromByteOffset: 4088, as: UInt64.self) == ~UInt64(index))
        }
        #expect(memory.used == 512)
        #expect(memory.allocate(&zone)?.number == 0x1000)
    }

    // MARK: Regions

    @Test func regionsComeFromAbove() throws {
        var machine = Machine(frameLimit: 100)
        let device = machine.makeDevice()
        func first(_ pages: UInt64) -> UInt64? {
            (try? machine.makeRegion(device, pages: pages)).flatMap { machine.regions.index(of: $0) }
                .map { machine.regions[$0].firstFrame.number }
        }
        let top = PhysicalMemory.frameLimit
        #expect(first(1) == top - 512)
        #expect(first(513) == top - 512 - 1024)
        #expect(first(512) == top - 512 - 1024 - 512)
        #expect(first(0) == nil)
        #expect(first(top / 2 + 1) == nil)
        #expect(first(top / 2 - 2047) == nil)
        #expect(first(top / 2 - 2048) == top / 2)
        #expect(first(1) == nil)
        #expect(first(.max) == nil)
        #expect(throws: Machine.RegionRefusal.noDevice) { try machine.makeRegion(DeviceID(rawValue: 99), pages: 1) }
    }

    @Test func aFrameKnowsItsRegion() throws {
        var machine = Machine(frameLimit: 100)
        let devices = [machine.makeDevice(), machine.makeDevice()]
        let small = try machine.makeRegion(devices[0], pages: 2)
        let large = try machine.makeRegion(devices[1], pages: 600)
        let start = try required(machine.regions.index(of: small).map { machine.regions[$0].firstFrame.number })
        #expect(machine.region(of: FrameNumber(number: start + 1)) == small)
        #expect(machine.region(of: FrameNumber(number: start + 2)) == nil)
        #expect(machine.region(of: FrameNumber(number: start - 1)) == nil)
        #expect(machine.region(of: FrameNumber(number: start - 1024)) == large)
        #expect(machine.device(of: FrameNumber(number: start - 1024)) == devices[1])
        #expect(machine.device(of: FrameNumber(number: 0x1000)) == nil)
    }

    /// A device's frames come from its regions in the order they were made.
    @Test func regionsFillInOrder() throws {
        var bench = try Bench()
        let second = try bench.machine.makeRegion(bench.gpu, pages: 3)
        bench.moveToDevice(PageRange(16, count: 12))
        #expect(bench.machine.picture(bench.space, PageRange(16, count: 12)) == "DDDDDDDDDDD-")
        let index = try required(bench.machine.regions.index(of: second))
        #expect(bench.machine.regions[index].used == 3)
        #expect(bench.machine.violations() == [])
    }

    /// A place that was asked for is a whole section above system memory where no other region is.
    @Test func regionsAtAPlace() throws {
        var machine = Machine(frameLimit: 100)
        let device = machine.makeDevice()
        let half = PhysicalMemory.frameLimit / 2
        let made = try machine.makeRegion(device, pages: 513, .coherent, at: half + 512)
        #expect(machine.kind(of: FrameNumber(number: half + 1024)) == .coherent && machine.promisedFrames == 513)
        for start in [half + 512, half + 1024, half] {
            #expect(throws: Machine.RegionRefusal.overlaps) { try machine.makeRegion(device, pages: 600, at: start) }
        }
        for start in [half + 100, half - 512, PhysicalMemory.frameLimit] {
            #expect(throws: Machine.RegionRefusal.notDeviceMemory) {
                try machine.makeRegion(device, pages: 1, at: start)
            }
        }
        _ = try machine.makeRegion(device, pages: 512, at: half)
        #expect(machine.removeRegion(made) == true && machine.region(of: FrameNumber(number: half + 512)) == nil)
        _ = try machine.makeRegion(device, pages: 600, at: half + 512)
    }
}
