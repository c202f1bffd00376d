import Testing

@testable import HMMMemory

@Suite struct PageTableTests {
    private static func entry(_ frame: UInt64, writable: Bool = false) -> PageEntry {
        PageEntry(.system, FrameNumber(number: frame), writable: writable)
    }

    /// Pages on both sides of the ends of nodes on every level.
    private static let pages: [UInt64] = [
        0, 1, 511, 512, 513, 1023, 1 << 18 - 1, 1 << 18, 1 << 18 + 511, 1 << 27 - 1, 1 << 27, 1 << 27 + 512,
        0x7_ffff_fffe,
    ]

    @Test func entriesSayWhatWasPut() {
        for frame in [0x1000, 0xfff_ffff] as [UInt64] {
            for writable in [false, true] {
                let entry = Self.entry(frame, writable: writable)
                #expect(entry.frame.number == frame && entry.isWritable == writable && entry.kind == .system)
                #expect(entry.isPresent && !entry.isNone)
                #expect(entry.withWritable(!writable).isWritable == !writable)
                #expect(entry.withWritable(!writable).frame.number == frame)
            }
        }
        #expect(PageEntry.none.isNone && PageEntry.none.kind == .none && !PageEntry.none.isPresent)
        #expect(PageEntry.zero.isPresent && !PageEntry.zero.isNone && !PageEntry.zero.isWritable)
        let away = PageEntry(.devicePrivate, FrameNumber(number: 9), writable: true)
        #expect(!away.isPresent && away.kind == .devicePrivate)
        #expect(PageEntry.reserved(FrameNumber(number: 9), fromZero: true).wasZero)
    }

    @Test func nodesComeAndGo() {
        let budget = NodeBudget(limit: 1000)
        var table = PageTable(budget, mayForget: false)
        #expect(table.isEmpty && budget.used == 0)
        for (index, page) in Self.pages.enumerated() {
            table.set(Page(number: page), Self.entry(0x1000 + UInt64(index)))
        }
        for (index, page) in Self.pages.enumerated() {
            #expect(table[Page(number: page)].frame.number == 0x1000 + UInt64(index))
        }
        #expect(table[Page(number: 2)].isNone && table[Page(number: 1 << 30)].isNone)
        // Eight leaves; the five 1 GiB slots and the three 512 GiB slots they lie in.
        #expect(budget.used == 8 + 5 + 3)
        for page in Self.pages.shuffledTheSame() { table.set(Page(number: page), .none) }
        // An address space keeps its nodes until they are pruned.
        #expect(!table.isEmpty && budget.used == 8 + 5 + 3)
        table.prune(PageRange(0, count: 1 << 27))
        #expect(budget.used == 3 + 2 + 2)
        table.prune(PageRange(0, count: 1 << 36))
        #expect(table.isEmpty && budget.used == 0)
        // Removing what is not there changes nothing.
        table.set(Page(number: 77), .none)
        #expect(table.isEmpty == true)
    }

    @Test func aTableGivesItsNodesBack() {
        let budget = NodeBudget(limit: 1000)
        do {
            var table = PageTable(budget, mayForget: true)
            for page in Self.pages { table.set(Page(number: page), Self.entry(0x1000)) }
            #expect(budget.used > 0)
        }
        #expect(budget.used == 0)
    }

    /// A device's table forgets what it has no room for; an entry with a node of its own is always taken.
    @Test func aDeviceTableMayForget() {
        let budget = NodeBudget(limit: 3)
        var table = PageTable(budget, mayForget: true)
        table.set(Page(number: 5), Self.entry(0x1000))
        table.set(Page(number: 6), Self.entry(0x1001))
        table.set(Page(number: 512), Self.entry(0x1002))
        #expect(budget.used == 3 && budget.isSpent)
        #expect(!table[Page(number: 6)].isNone && table[Page(number: 512)].isNone)
        var space = PageTable(budget, mayForget: false)
        space.set(Page(number: 512), Self.entry(0x1002))
        #expect(!space[Page(number: 512)].isNone && budget.used == 6)
    }

    /// Random changes against a dictionary.
    @Test func agreesWithADictionary() {
        let budget = NodeBudget(limit: .max)
        var table = PageTable(budget, mayForget: false)
        var model: [UInt64: PageEntry] = [:]
        var numbers = Numbers(seed: 3)
        let bases: [UInt64] = [0, 500, 1 << 18 - 8, 1 << 27 - 8, 0x7_ffff_ffe0]
        func page() -> UInt64 { bases[Int(numbers.roll(5))] + numbers.roll(24) }
        for step in 0..<4000 as Range<UInt64> {
            let start = page()
            switch numbers.roll(8) {
            case 0:
                let range = PageRange(start, count: 1 + numbers.roll(numbers.roll(4) == 0 ? 1 << 28 : 20))
                var seen: [UInt64: PageEntry] = [:]
                table.removeAll(range) { seen[$0.number] = $1 }
                #expect(seen == model.filter { range.contains(Page(number: $0.key)) })
                model = model.filter { !range.contains(Page(number: $0.key)) }
            case 1:
                table.set(Page(number: start), .none)
                model[start] = nil
            case 2:
                guard let entry = model[start] else { continue }
                table.set(Page(number: start), entry.withWritable(false))
                model[start] = entry.withWritable(false)
            default:
                let entry = Self.entry(0x1000 + step)
                table.set(Page(number: start), entry)
                model[start] = entry
            }
        }
        #expect(Self.contents(table, PageRange(0, count: 0x7_ffff_ffff)) == model)
        table.removeAll(PageRange(0, count: 0x7_ffff_ffff)) { _, _ in }
        table.prune(PageRange(0, count: 1 << 36))
        #expect(table.isEmpty && budget.used == 0)
    }

    private static func contents(_ table: borrowing PageTable, _ range: PageRange) -> [UInt64: PageEntry] {
        var found: [UInt64: PageEntry] = [:]
        var page = range.start
        while let piece = table.nextLeaf(from: page, before: range.end) {
            for offset in 0..<piece.count where !piece[offset].isNone {
                found[piece.start.number + UInt64(offset)] = piece[offset]
            }
            page = piece.start + UInt64(piece.count)
        }
        return found
    }

    @Test func leavesInOrderAndCut() {
        var table = PageTable(NodeBudget(limit: .max), mayForget: false)
        for page in [600, 1 << 18 + 3, 1 << 27] as [UInt64] { table.set(Page(number: page), Self.entry(0x1000)) }
        func leaf(_ from: UInt64, _ end: UInt64) -> [UInt64]? {
            table.nextLeaf(from: Page(number: from), before: Page(number: end)).map {
                [$0.start.number, UInt64($0.count)]
            }
        }
        #expect(leaf(0, 512) == nil)
        #expect(leaf(0, 513) == [512, 1])
        #expect(leaf(0, 4096) == [512, 512])
        #expect(leaf(700, 710) == [700, 10])
        #expect(leaf(1024, 1 << 30) == [1 << 18, 512])
        #expect(leaf(1 << 18 + 512, 1 << 27 + 5) == [1 << 27, 5])
        #expect(leaf(1 << 27 + 512, 0x7_ffff_ffff) == nil)
        #expect(leaf(9, 9) == nil)
    }

    @Test func theFirstPopulatedGibibyte() {
        var table = PageTable(NodeBudget(limit: .max), mayForget: false)
        func first(_ start: UInt64, _ count: UInt64) -> UInt64? {
            table.firstPopulatedGibibyte(in: PageRange(start, count: count))?.number
        }
        #expect(first(0, 1 << 30) == nil)
        table.set(Page(number: 1 << 18 + 700), Self.entry(0x1000))
        #expect(first(0, 1 << 30) == 1 << 18)
        #expect(first(1 << 18 + 5, 1 << 20) == 1 << 18 + 5)
        // The slot counts, not what of it is named.
        #expect(first(1 << 18 + 9000, 5) == 1 << 18 + 9000)
        #expect(first(1 << 18 - 10, 11) == 1 << 18)
        #expect(first(0, 1 << 18) == nil)
    }
}

extension Array {
    /// Out of order, the same way every time.
    fileprivate func shuffledTheSame() -> [Element] {
        var numbers = Numbers(seed: 1)
        return shuffled(using: &numbers)
    }
}
