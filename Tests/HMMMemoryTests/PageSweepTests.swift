import Testing

@testable import HMMMemory

/// Ranges page by page, and what whole pages hold.
@Suite struct PageSweepTests {
    private func sweep(_ bench: inout Bench, _ pages: PageRange, _ fill: Fill? = nil) -> (PageSweep, [String]) {
        var work = PageSweep(bench.space, pages, storing: fill)
        #expect(bench.machine.run(&work).fault == nil)
        return (work, work.contents.map { "\($0.start.number)+\($0.count) \($0.value)" })
    }

    /// A page that faults does not keep the others from being tried.
    @Test func everyPageIsTried() throws {
        var bench = try Bench(pages: 2)
        try bench.map(20, 2, .read)
        let id = bench.machine.makeFile(length: 4096)
        try bench.map(22, 3, [.read, .write], .file, shared: true, file: id)
        let all = PageRange(16, count: 9)
        let (stores, written) = sweep(&bench, all, .bytePlusPage(0x30))
        #expect(
            written == ["16+2 written", "18+4 segmentation", "22+1 written", "23+2 busError"] && stores.faults == 6)
        let (loads, seen) = sweep(&bench, all)
        #expect(
            seen == [
                "16+1 byte(48)", "17+1 byte(49)", "18+2 segmentation", "20+2 byte(0)", "22+1 byte(54)", "23+2 busError",
            ])
        #expect(loads.faults == 4)
        bench.machine.fill(bench.space, 17 << 12 + 9, 1, with: .byte(1))
        #expect(sweep(&bench, PageRange(17, count: 1)).1 == ["17+1 mixed"])
    }

    /// Integers go on across pages and from any offset.
    @Test(arguments: [false, true]) func integers(_ isNegative: Bool) {
        var octets = [UInt8](repeating: 9, count: 11)
        octets.withUnsafeMutableBytes { Fill.integers(negative: isNegative).write(to: $0, at: 4093) }
        // Element 1023 ends, 1024 and 1025 follow.
        let whole = (0..<11).map { (index: Int) -> UInt8 in
            let at = 4093 + index
            let element = Int32(at / 4) * (isNegative ? -1 : 1)
            return UInt8(truncatingIfNeeded: element >> Int32(at % 4 * 8))
        }
        #expect(octets == whole)
    }
}
