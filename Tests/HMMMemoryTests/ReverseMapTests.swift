import Testing

@testable import HMMMemory

/// How the mappings of a frame are found, and in which order.
@Suite struct ReverseMapTests {
    private static func link(_ space: UInt32, _ start: UInt64, _ end: UInt64, at page: UInt64) -> ReverseMap.Link {
        ReverseMap.Link(space: SpaceID(rawValue: space), start: start, end: end, page: Page(number: page))
    }

    private static func places(_ map: ReverseMap, _ index: UInt64, most: Int = .max) -> [[UInt64]] {
        var found: [[UInt64]] = []
        map.forEach(index) { space, page in
            found.append([UInt64(space.rawValue), page.number])
            return found.count < most
        }
        return found
    }

    private static let map: ReverseMap = {
        var map = ReverseMap()
        map.insert(link(1, 10, 20, at: 100))
        map.insert(link(2, 10, 15, at: 200))
        map.insert(link(3, 0, 100, at: 300))
        map.insert(link(1, 30, 40, at: 400))
        return map
    }()

    /// The lower start first, of equal ones the older.
    @Test func order() {
        #expect(Self.places(Self.map, 12) == [[3, 312], [1, 102], [2, 202]])
        #expect(Self.places(Self.map, 12, most: 2) == [[3, 312], [1, 102]])
        #expect(Self.places(Self.map, 15) == [[3, 315], [1, 105]])
        #expect(Self.places(Self.map, 39) == [[3, 339], [1, 409]])
        #expect(Self.places(Self.map, 9) == [[3, 309]] && Self.places(Self.map, 100) == [])
    }

    @Test func partsAreCut() {
        let parts = Self.map.parts(14, 32).parts.map {
            [UInt64($0.space.rawValue), $0.range.start.number, $0.range.count]
        }
        #expect(parts == [[3, 314, 18], [1, 104, 6], [2, 204, 1], [1, 400, 2]])
        #expect(Self.map.parts(20, 30).parts.count == 1 && Self.map.parts(100, 200).parts == [])
    }

    /// A long link that has gone makes nobody look at what lies far before.
    @Test func aLongLinkGoes() {
        var map = ReverseMap()
        for index in 0..<100 as Range<UInt64> { map.insert(Self.link(1, index * 10, index * 10 + 10, at: index * 10)) }
        map.insert(Self.link(2, 0, 1000, at: 5000))
        #expect(map.firstPosition(showing: 995) == 0)
        map.remove([Self.link(2, 0, 1000, at: 5000)])
        #expect(map.firstPosition(showing: 995) >= 98 && Self.places(map, 995) == [[1, 995]])
    }

    /// Wherever it is looked for first, a link is found if it is there.
    @Test func positions() {
        var looked: UInt64 = 0
        let map = Self.map
        for hint in -1...5 {
            for (position, link) in map.links.enumerated() {
                #expect(map.position(of: link, near: hint, &looked) == position)
            }
            #expect(map.position(of: Self.link(1, 10, 19, at: 100), near: hint, &looked) == nil)
            #expect(map.position(of: Self.link(1, 50, 60, at: 100), near: hint, &looked) == nil)
        }
        #expect(ReverseMap().position(of: Self.link(1, 0, 1, at: 0), near: 0, &looked) == nil)
    }

    @Test func oneOfManyGoes() {
        var map = Self.map
        map.remove([Self.link(2, 10, 15, at: 200)])
        map.remove([Self.link(2, 10, 15, at: 200)])
        #expect(Self.places(map, 12) == [[3, 312], [1, 102]])
        map.remove([Self.link(3, 0, 100, at: 300)])
        #expect(Self.places(map, 12) == [[1, 102]] && !map.isEmpty)
    }

    /// However many go, each goes once, and the others stay in their order.
    @Test func manyGo() {
        var map = Self.map
        map.insert(Self.link(1, 10, 20, at: 100))
        map.remove([Self.link(1, 30, 40, at: 400), Self.link(1, 10, 20, at: 100), Self.link(9, 0, 100, at: 300)])
        #expect(Self.places(map, 12) == [[3, 312], [2, 202], [1, 102]] && Self.places(map, 35) == [[3, 335]])
        map.remove([Self.link(3, 0, 100, at: 300), Self.link(1, 10, 20, at: 100), Self.link(2, 10, 15, at: 200)])
        #expect(map.isEmpty)
        map.remove([])
    }
}

/// Areas with pages of their own: which become one, and what is found through them.
@Suite struct AreaChangesTests {
    private static func shape(_ bench: borrowing Bench, _ space: Int = 0) -> [[UInt64]] {
        bench.machine.spaces[space].areas.areas.map { [$0.range.start.number, $0.range.count] }
    }

    private static func objects(_ bench: borrowing Bench) -> [UInt32] {
        bench.machine.spaces[0].areas.areas.map(\.object)
    }

    @Test func whatHasNoPagesYetJoinsWhatHas() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, PageRange(16, count: 1))
        try bench.map(20, 4)
        #expect(Self.shape(bench) == [[16, 8]])
        try bench.map(30, 2)
        bench.machine.write(bench.space, PageRange(30, count: 1))
        #expect(bench.machine.anonymousObjects.count == 2)
        // Between two that each have an object it joins the first alone.
        try bench.map(24, 6)
        #expect(Self.shape(bench) == [[16, 14], [30, 2]])
        #expect(bench.machine.violations() == [])
    }

    /// A forked area has ancestors, which the new one would not: they stay apart.
    @Test func lineageKeepsApart() throws {
        var bench = try Bench(pages: 4)
        bench.machine.write(bench.space, PageRange(16, count: 1))
        let child = try bench.fork()
        for space in [bench.space, child] {
            let plan = MappingPlan(at: Page(number: 20), count: 4, [.read, .write])
            _ = try bench.machine.mapArea(space, plan, areaLimit: 9)
        }
        #expect(Self.shape(bench) == [[16, 8]] && Self.shape(bench, 1) == [[16, 4], [20, 4]])
        #expect(bench.machine.violations() == [])
    }

    /// Memory once writable counts as such as long as it has pages, and is not like memory that never was.
    @Test(arguments: [true, false]) func whatCountsAsMemory(_ isWritten: Bool) throws {
        var bench = try Bench(pages: 4)
        if isWritten { bench.machine.write(bench.space, PageRange(16, count: 1)) }
        bench.machine.run(ProtectionChange(bench.space, PageRange(16, count: 4), .read))
        try bench.map(20, 4, .read)
        #expect(Self.shape(bench) == (isWritten ? [[16, 4], [20, 4]] : [[16, 8]]))
    }

    /// Both parts of what is cut find their pages; the object goes with the last of them.
    @Test func cuts() throws {
        var bench = try Bench(pages: 8)
        bench.machine.write(bench.space, PageRange(16, count: 8), "k")
        bench.machine.run(Unmapping(bench.space, PageRange(18, count: 3)))
        let object = Self.objects(bench)[0]
        #expect(Self.shape(bench) == [[16, 2], [21, 3]] && Self.objects(bench) == [object, object])
        #expect(bench.machine.anonymousObjects[object].map.links.map { [$0.start, $0.end] } == [[16, 18], [21, 24]])
        bench.machine.run(Unmapping(bench.space, PageRange(16, count: 4)))
        #expect(bench.machine.read(bench.space, Page(number: 21)) == "k")
        bench.machine.run(Unmapping(bench.space, PageRange(16, count: 8)))
        #expect(bench.machine.anonymousObjects.count == 0)
    }

    /// Areas go a few at a time, those of a child with objects of their own, and what a file's mappings held goes with
    /// the last of them.
    @Test func allOfManyGo() throws {
        var bench = try Bench(pages: 80)
        bench.machine.write(bench.space, PageRange(16, count: 80))
        for page in stride(from: 16, to: 96, by: 2) as StrideTo<UInt64> {
            bench.machine.run(ProtectionChange(bench.space, PageRange(page, count: 1), .read))
        }
        for page in [200, 210] as [UInt64] { try bench.map(page, 4, [.read, .write], .file, shared: true) }
        bench.machine.write(bench.space, PageRange(200, count: 4))
        let child = try bench.fork()
        #expect(bench.machine.anonymousObjects.count > 40 && bench.machine.files.count == 2)
        bench.machine.run(SpaceExit(child))
        bench.machine.removeSpace(child)
        #expect(bench.machine.anonymousObjects.count == 1 && bench.machine.physical.used == 84)
        bench.machine.run(Unmapping(bench.space, PageRange(17, count: 300)))
        #expect(Self.shape(bench) == [[16, 1]] && bench.machine.files.isEmpty && bench.machine.physical.used == 1)
        bench.machine.run(Unmapping(bench.space, PageRange(0, count: 300)))
        #expect(bench.machine.anonymousObjects.count == 0 && bench.machine.tableNodes.used == 0)
    }

    /// Neighbours that differ in protection alone share an object, so that they can be one later.
    @Test func aNeighboursObject() throws {
        var bench = try Bench(pages: 4)
        try bench.map(20, 4, [.read, .write, .execute])
        try bench.map(25, 4)
        for page in [16, 20, 25] as [UInt64] { bench.machine.write(bench.space, PageRange(page, count: 1)) }
        let objects = Self.objects(bench)
        #expect(objects[0] != 0 && objects[0] == objects[1] && objects[2] != objects[0])
        bench.machine.run(ProtectionChange(bench.space, PageRange(20, count: 4), [.read, .write]))
        #expect(Self.shape(bench) == [[16, 8], [25, 4]])
    }

    /// Where a page might be mapped is looked at for each page, and counts as work.
    @Test func linksLookedAtAreWork() throws {
        var bench = try Bench(pages: 0)
        let file = bench.machine.makeFile(length: 64 << 12)
        for index in 0..<90 as Range<UInt64> {
            try bench.map(1024 * (index + 1), 64, [.read, .write], .file, shared: true, file: file)
        }
        // Found through the last link of all.
        let pages = PageRange(1024 * 90, count: 64)
        bench.machine.write(bench.space, pages)
        var work = StagedMigration(try bench.mirror(), bench.space, pages, .there(bench.gpu))
        for _ in 0..<2 {
            let before = bench.machine.spent
            _ = work.beginFinishing()
            var steps = 0
            while work.step(&bench.machine) != .done, steps < 5 { steps += 1 }
            #expect(steps < 5 && bench.machine.spent - before >= 64 * 90)
        }
    }

    /// However many show one page, a look at the whole state finds each of them beside the one before.
    @Test func aCheckLooksForLinksWhereTheyAre() throws {
        func cost(_ count: UInt64) throws -> UInt64 {
            var bench = try Bench(pages: 0)
            let file = bench.machine.makeFile(length: 1 << 12)
            for index in 1...count {
                try bench.map(16 + 2 * index, 1, [.read, .write], .file, shared: true, file: file)
                bench.machine.write(bench.space, PageRange(16 + 2 * index, count: 1))
            }
            let before = bench.machine.spent
            var check = StateCheck()
            #expect(check.step(&bench.machine) == .done && check.found == [])
            return bench.machine.spent - before
        }
        #expect(try cost(2000) < 3 * cost(1000))
    }
}
