import Testing

@testable import HMMMemory

/// Pages that a file is behind, and how they are taken away.
@Suite struct FileTests {
    /// A file of `pages` pages with `present` written as their number.
    private func file(_ machine: inout Machine, pages: UInt64, present: [UInt64]) -> FileID {
        let id = machine.makeFile(length: pages << 12)
        for page in present {
            machine.run(FileAllocation(id, page << 12, 4096))
            machine.run(BulkAccess(.file(id), page << 12, 4096, .fill(.byte(UInt8(page)))))
        }
        return id
    }

    private func octet(_ machine: borrowing Machine, _ id: FileID, _ page: UInt64, _ offset: UInt64 = 0) -> UInt8 {
        var octets: [UInt8] = [99]
        octets.withUnsafeMutableBytes { machine.loadFile(id, page << 12 + offset, into: $0) }
        return octets[0]
    }

    /// A read maps what the file has of sixteen aligned pages, writable where the mapping is shared; a hole gets a
    /// page.
    @Test(arguments: [true, false]) func faultAround(_ isShared: Bool) throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 20, present: [0, 1, 3, 15, 16, 18])
        try bench.map(32, 24, [.read, .write], .file, shared: isShared, file: id)
        #expect(bench.machine.read(bench.space, Page(number: 35)) == "\u{3}")
        let letter = isShared ? "S" : "s"
        let around = "ss-s-----------s--------".replacing("s", with: letter)
        #expect(bench.picture(32, 24) == around)
        #expect(bench.machine.read(bench.space, Page(number: 34)) == "\0")
        #expect(bench.picture(32, 4) == String(repeating: letter, count: 4))
        #expect(bench.machine.files[0].present == 7 && bench.machine.spaces[0].resident == 5)
        // Beyond the end there is nothing, but what is around it is mapped all the same.
        let course = bench.machine.run(CPUAccess(bench.space, PageRange(52, count: 1), write: false))
        #expect(course == Course(fault: MemoryFault(.beyondEnd, Page(number: 52))))
        #expect(bench.picture(48, 8) == "\(letter)-\(letter)-----")
    }

    /// The area ends what is mapped around, and its offset counts.
    @Test func offsets() throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 20, present: Array(0..<20))
        try bench.map(34, 3, .read, .file, file: id, offset: 7)
        #expect(bench.machine.read(bench.space, Page(number: 35)) == "\u{8}")
        #expect(bench.picture(32, 8) == "--sss---")
    }

    @Test func sharedWritesReachTheFile() throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 4, present: [0, 1])
        try bench.map(32, 4, [.read, .write], .file, shared: true, file: id)
        #expect(bench.machine.write(bench.space, PageRange(33, count: 2), "A") == Course())
        // A write maps its own pages alone.
        #expect(bench.picture(32, 4) == "-SS-")
        #expect((0..<4).map { octet(bench.machine, id, $0) } == [0, 65, 65, 0])
    }

    @Test func privateWritesDoNot() throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 4, present: [1, 2])
        try bench.map(32, 4, [.read, .write], .file, file: id)
        #expect(bench.machine.write(bench.space, PageRange(33, count: 1), "A") == Course())
        #expect(bench.picture(32, 4) == "-S--" && octet(bench.machine, id, 1) == 1)
        _ = bench.machine.read(bench.space, Page(number: 34))
        // Once mapped, a copy takes its place with an announcement; the rest follows the file.
        let one = PageRange(34, count: 1)
        #expect(bench.machine.write(bench.space, one, "B").announced == [Invalidation(bench.space, one, .clear)])
        #expect(bench.machine.run(FileAllocation(id, 0, 4 << 12)) == Course())
        bench.machine.run(BulkAccess(.file(id), 0, 4 << 12, .fill(.byte(7))))
        #expect(
            [32, 33, 34, 35].map { bench.machine.read(bench.space, Page(number: $0)) } == ["\u{7}", "A", "B", "\u{7}"])
    }

    /// Everything from there on goes, private copies too, from everyone who maps it.
    @Test func truncating() throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 4, present: [0, 1, 2, 3])
        try bench.map(32, 4, [.read, .write], .file, shared: true, file: id)
        try bench.map(64, 4, [.read, .write], .file, file: id)
        _ = bench.machine.read(bench.space, Page(number: 32))
        bench.machine.write(bench.space, PageRange(64, count: 4), "c")
        bench.moveToDevice(PageRange(67, count: 1))
        #expect(bench.picture(64, 4) == "SSSD")
        var work = FileCut(truncating: id, to: 1 << 12 + 100, bench.machine)
        #expect(
            bench.machine.run(&work).announced == [
                Invalidation(bench.space, PageRange(34, count: 2), .clear),
                Invalidation(bench.space, PageRange(66, count: 2), .clear),
            ])
        #expect(work.dropped == 2 && bench.picture(32, 4) == "SS--" && bench.picture(64, 4) == "SS--")
        #expect(octet(bench.machine, id, 1, 99) == 1 && octet(bench.machine, id, 1, 100) == 0)
        #expect(bench.machine.regions[0].used == 0 && bench.machine.files[0].pageCount == 2)
        #expect(bench.machine.read(bench.space, Page(number: 66)) == nil)
        // Longer again, it is zeroes.
        bench.machine.run(FileCut(truncating: id, to: 4 << 12, bench.machine))
        #expect(bench.machine.read(bench.space, Page(number: 66)) == "\0")
    }

    /// A hole takes the file's own pages away and leaves private copies.
    @Test func punching() throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 4, present: [0, 1, 2, 3])
        try bench.map(32, 4, [.read, .write], .file, shared: true, file: id)
        try bench.map(64, 4, [.read, .write], .file, file: id)
        bench.machine.write(bench.space, PageRange(65, count: 1), "c")
        for page in [32, 66] as [UInt64] { _ = bench.machine.read(bench.space, Page(number: page)) }
        #expect(bench.picture(32, 4) == "SSSS" && bench.picture(64, 4) == "sSss")
        var work = FileCut(id, from: 1, to: 3, copiesToo: false)
        #expect(bench.machine.run(&work).announced.map(\.range) == [PageRange(33, count: 2), PageRange(65, count: 2)])
        #expect(bench.picture(32, 4) == "S--S" && bench.picture(64, 4) == "sS-s")
        #expect(work.dropped == 2 && bench.machine.files[0].length == 4 << 12)
        #expect([65, 66].map { bench.machine.read(bench.space, Page(number: $0)) } == ["c", "\0"])
    }

    /// All of it or nothing, whatever runs out.
    @Test func allocating() throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 4, present: [1])
        let used = (frames: bench.machine.physical.used, nodes: bench.machine.tableNodesUsed)
        // 600 pages lie in two tables, of which one is there.
        let work = FileAllocation(id, 100, 600 << 12 - 100)
        let shortage = Course(fault: MemoryFault(.limit, Page(number: 0)))
        bench.machine.setTableLimit(used.nodes)
        #expect(bench.machine.run(work) == shortage)
        bench.machine.setTableLimit(1000)
        bench.machine.setFrameLimit(used.frames + 598)
        #expect(bench.machine.run(work) == shortage)
        #expect(bench.machine.physical.used == used.frames && bench.machine.tableNodesUsed == used.nodes)
        #expect(bench.machine.files[0].length == 4 << 12 && bench.machine.files[0].present == 1)
        bench.machine.setFrameLimit(used.frames + 599)
        #expect(bench.machine.run(work) == Course())
        #expect(bench.machine.files[0].length == 600 << 12 && bench.machine.files[0].present == 600)
        #expect(octet(bench.machine, id, 1) == 1 && octet(bench.machine, id, 2) == 0)
    }

    /// Integers are found in runs, however they lie to the pieces that are looked at, and no more than are wanted.
    @Test func integers() throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 40, present: Array(0..<40))
        bench.machine.run(BulkAccess(.file(id), 100, 70_000, .fill(.integers(negative: false))))
        bench.machine.run(BulkAccess(.file(id), 70_100, 60_000, .fill(.integers(negative: true))))
        var all = BulkAccess(.file(id), 100, 130_000, .integers(most: 10))
        #expect(bench.machine.run(&all) == Course())
        #expect(all.integers.map(\.start) == [100, 70_100])
        #expect(all.integers.map(\.count) == [17_500, 15_000])
        #expect(all.integers.map(\.step) == [1, -1])
        bench.machine.run(BulkAccess(.file(id), 0, 40 << 12, .fill(.bytePlusPage(0))))
        var few = BulkAccess(.file(id), 0, 40 << 12, .integers(most: 10))
        #expect(bench.machine.run(&few) == Course())
        #expect(few.integers.count > 10 && few.integers.count < 40)
    }

    /// Octets are stored again and again, however their number lies to pages and to the pieces that are written.
    @Test(arguments: [1, 3, 4095, 4096, 4097, 70_000, 200_000]) func repeatedOctets(_ count: Int) throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 50, present: Array(0..<50))
        let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        bench.machine.run(BulkAccess(.file(id), 100, 190_000, .store(data)))
        var found = [UInt8](repeating: 0, count: 190_000)
        found.withUnsafeMutableBytes { bench.machine.loadFile(id, 100, into: $0) }
        #expect(found.indices.allSatisfy { found[$0] == data[$0 % count] })
    }

    /// A file lives as long as its name or an area.
    @Test func theEndOfAFile() throws {
        var bench = try Bench(pages: 0)
        let id = file(&bench.machine, pages: 4, present: [0])
        try bench.map(32, 4, .read, .file, file: id)
        bench.machine.forgetName(id)
        #expect(bench.machine.files.count == 1 && bench.machine.read(bench.space, Page(number: 32)) == "\0")
        bench.machine.run(Unmapping(bench.space, PageRange(32, count: 4)))
        #expect(bench.machine.files.isEmpty && bench.machine.physical.used == 0)
        try bench.map(32, 4, .read, .file, shared: true)
        #expect(bench.machine.files.count == 1)
        bench.machine.run(Unmapping(bench.space, PageRange(32, count: 4)))
        #expect(bench.machine.files.isEmpty && bench.machine.violations() == [])
    }
}
