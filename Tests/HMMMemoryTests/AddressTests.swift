import HMMMemory
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        (UInt64(0), UInt64(1), UInt64(0), UInt64(1)), (0, 4096, 0, 1), (0, 4097, 0, 2), (4095, 1, 0, 1),
        (4095, 2, 0, 2),
        (4096, 4096, 1, 2), (0x7fff_ffff_efff, 1, 0x7_ffff_fffe, 0x7_ffff_ffff),
        (0, 0x7fff_ffff_f000, 0, 0x7_ffff_ffff),
    ])
    func pagesThatBytesTouch(_ address: UInt64, _ length: UInt64, _ start: UInt64, _ end: UInt64) {
        #expect(PageRange(touching: address, length: length) == PageRange(Page(number: start), Page(number: end)))
    }

    @Test func aPageAndItsAddress() {
        let page = Page(containing: 0x12345)
        #expect(page.number == 0x12 && page.address == 0x12000)
        #expect(page + 3 - page == 3)
        #expect(Page(number: 0).endOfTable.number == 512)
        #expect(Page(number: 511).endOfTable.number == 512)
        #expect(Page(number: 512).endOfTable.number == 1024)
    }

    @Test func aReversedRangeIsEmpty() {
        let range = PageRange(Page(number: 5), Page(number: 3))
        #expect(range.isEmpty && range.count == 0 && range.start.number == 5)
    }

    /// Overlap, containment and clamping against sets of pages.
    @Test func rangesAreSetsOfPages() {
        let all = (0..<5 as Range<UInt64>).flatMap { start in
            (start...5).map { PageRange(Page(number: start), Page(number: $0)) }
        }
        func set(_ range: PageRange) -> Set<UInt64> { Set(range.start.number..<range.end.number) }
        for a in all {
            #expect(a.count == UInt64(set(a).count) && a.isEmpty == set(a).isEmpty && a.length == a.count * 4096)
            for page in 0..<6 as Range<UInt64> { #expect(a.contains(Page(number: page)) == set(a).contains(page)) }
            for b in all where !a.isEmpty && !b.isEmpty {
                #expect(a.overlaps(b) == !set(a).isDisjoint(with: set(b)), "\(a) \(b)")
                #expect(a.contains(b) == set(a).isSuperset(of: set(b)), "\(a) \(b)")
                #expect(set(a.clamped(to: b)) == set(a).intersection(set(b)), "\(a) \(b)")
            }
        }
    }
}
