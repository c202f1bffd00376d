import Testing

@testable import HMMMemory

/// The check of the whole state finds what is planted.
@Suite struct InvariantsTests {
    /// Two written pages, one on the device, both in a mirror's table; and a zero page.
    private func bench() throws -> Bench {
        var bench = try Bench(pages: 8)
        let mirror = try bench.mirror()
        bench.machine.write(bench.space, PageRange(16, count: 2))
        bench.moveToDevice(PageRange(17, count: 1))
        bench.machine.run(RangeFault(mirror, bench.space, bench.gpu, PageRange(16, count: 3), write: false))
        return bench
    }

    private func finds(_ text: String, _ plant: (inout Machine, FrameNumber) throws -> Void) throws {
        var bench = try bench()
        #expect(bench.machine.violations() == [])
        try plant(&bench.machine, bench.machine.entry(bench.space, 16).frame)
        let found = bench.machine.violations()
        #expect(found.contains { $0.contains(text) }, "\(found) has no `\(text)`")
    }

    @Test func sequences() throws {
        try finds("odd sequence") { machine, _ in machine.spaces[0].sequence += 1 }
        try finds("even sequence") { machine, _ in machine.mirrors[0].sequence += 1 }
    }

    @Test func entries() throws {
        try finds("outside every area") { machine, _ in machine.spaces[0].table.set(Page(number: 99), .zero) }
        try finds("outside every area") { machine, _ in machine.spaces[0].areas.remove(PageRange(16, count: 1)) }
        try finds("migrating entry") { machine, frame in
            machine.spaces[0].table.set(Page(number: 16), .onTheWay(to: frame, fromZero: false))
        }
        try finds("disagree") { machine, frame in
            machine.spaces[0].table.set(Page(number: 16), PageEntry(.devicePrivate, frame, writable: true))
        }
        try finds("writable entry") { machine, _ in machine.spaces[0].areas.protect(PageRange(16, count: 1), .read) }
        try finds("does not know its mapping") { machine, frame in
            machine.spaces[0].table.set(Page(number: 20), PageEntry(.system, frame, writable: true))
        }
        try finds("resident pages") { machine, _ in machine.spaces[0].resident += 1 }
    }

    @Test func translations() throws {
        try finds("stale translation") { machine, _ in machine.mirrors[0].table.set(Page(number: 19), .zero) }
        try finds("stale translation") { machine, _ in
            machine.spaces[0].table.updateAll(PageRange(16, count: 1)) { $1.withWritable(false) }
        }
        try finds("outside its range") { machine, _ in
            _ = machine.makeMirror(machine.spaces.id(at: 0), machine.devices.id(at: 0), PageRange(16, count: 1))
            machine.mirrors[1].table.set(Page(number: 18), .zero)
        }
    }

    @Test func frames() throws {
        try finds("frames in use") { machine, _ in _ = machine.allocateSystem() }
        try finds("wrong counts") { machine, frame in machine.physical.frame(frame).pointee.mappings += 1 }
        try finds("wrong counts") { machine, frame in machine.physical.frame(frame).pointee.references = 0 }
        try finds("zones and total") { machine, _ in machine.system.used += 1 }
    }
}
