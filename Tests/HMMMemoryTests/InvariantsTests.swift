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
        bench.fault(mirror, PageRange(16, count: 3))
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
        try finds("outside every area") { machine, _ in machine.removeAreas(0, PageRange(16, count: 1)) }
        try finds("wrong counts") { machine, frame in
            machine.spaces[0].table.set(Page(number: 16), .reserved(frame, fromZero: false))
        }
        try finds("disagree") { machine, frame in
            machine.spaces[0].table.set(Page(number: 16), PageEntry(.devicePrivate, frame, writable: true))
        }
        try finds("writable entry") { machine, _ in machine.protect(0, PageRange(16, count: 1), .read) }
        try finds("does not know its mapping") { machine, frame in
            machine.physical.frame(frame).pointee.object = 99
        }
        try finds("another offset") { machine, frame in
            machine.spaces[0].table.set(Page(number: 20), PageEntry(.system, frame, writable: true))
        }
        try finds("resident pages") { machine, _ in machine.spaces[0].resident += 1 }
    }

    private func setWritable(_ machine: inout Machine, _ space: Int, _ isWritable: Bool) {
        let entry = machine.spaces[space].table[Page(number: 16)]
        machine.spaces[space].table.set(Page(number: 16), entry.withWritable(isWritable))
    }

    @Test func translations() throws {
        try finds("stale translation") { machine, _ in machine.mirrors[0].table.set(Page(number: 19), .zero) }
        try finds("stale translation") { machine, _ in
            setWritable(&machine, 0, false)
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

    @Test func areas() throws {
        try finds("areas overlap") { machine, _ in
            machine.spaces[0].areas.replace(1..<1, by: [Area(range: PageRange(18, count: 2), protection: .read)])
        }
        try finds("half an anonymous object") { machine, _ in machine.spaces[0].areas.update(0) { $0.lineage = 0 } }
        try finds("beyond its area") { machine, _ in
            machine.insertArea(0, Area(range: PageRange(512, count: 511), protection: .read))
            machine.spaces[0].table.setHuge(Page(number: 512), .hugeZero)
        }
    }

    @Test func owners() throws {
        try finds("writable entry of shared memory") { machine, frame in
            machine.physical.frame(frame).pointee.isExclusivelyOwned = false
        }
        try finds("another offset") { machine, frame in machine.physical.frame(frame).pointee.index += 1 }
        try finds("owned by one, mapped by more") { machine, frame in
            machine.run(Fork(machine.spaces.id(at: 0)))
            machine.physical.frame(frame).pointee.isExclusivelyOwned = true
        }
        try finds("two may write it") { machine, frame in
            machine.run(Fork(machine.spaces.id(at: 0)))
            for space in 0..<2 { setWritable(&machine, space, true) }
        }
    }

    @Test func files() throws {
        func file(_ machine: inout Machine) {
            _ = machine.makeFile(length: 4096)
            _ = machine.obtainFilePage(0, 0)
        }
        try finds("past its end") { machine, _ in
            file(&machine)
            machine.files[0].length = 0
        }
        try finds("wrong count of pages") { machine, _ in
            file(&machine)
            machine.files[0].present += 1
        }
    }

    /// Everything that holds a frame is counted.
    @Test func holders() throws {
        try finds("wrong counts") { machine, frame in
            machine.run(
                Pinning(machine.spaces.id(at: 0), PageRange(16, count: 1), write: true, pin: true, longTerm: false))
            _ = machine.pins.remove(machine.pins.id(at: 0))
        }
        try finds("zones and total") { machine, _ in machine.regions[0].zone.used += 1 }
    }
}
