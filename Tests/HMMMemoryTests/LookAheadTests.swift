import Testing

@testable import HMMMemory

/// Whether there are frames enough is known beforehand, and where they would run out.
@Suite struct LookAheadTests {
    /// Free frames, and the first page for which none is left; nil when there are enough.
    private static let shared: [(free: UInt64, short: UInt64?)] = [(8, nil), (7, 39), (1, 33), (0, 32)]

    /// A page of a file that is mapped twice is taken once.
    @Test(arguments: shared) func sharedMemory(_ free: UInt64, _ short: UInt64?) throws {
        var bench = try Bench(pages: 0)
        let file = bench.machine.makeFile(length: 8 << 12)
        try bench.map(32, 8, [.read, .write], .file, shared: true, file: file)
        try bench.map(40, 8, [.read, .write], .file, shared: true, file: file)
        bench.machine.setFrameLimit(free)
        let demand = FrameDemand(bench.space, PageRange(32, count: 16), .access(write: true))
        let course = bench.machine.run(LookAhead(demand))
        #expect(course == Course(fault: short.map { MemoryFault(.limit, Page(number: $0)) }))
        // It takes what has been said.
        if free == 8 { #expect(bench.machine.write(bench.space, PageRange(32, count: 16)) == Course()) }
        #expect(bench.machine.physical.used == (free == 8 ? 8 : 0))
    }

    /// A private page takes one for the file and one for itself; many tables are looked at one after the other.
    @Test func privateMemory() throws {
        var bench = try Bench(pages: 0, frameLimit: 8192)
        let file = bench.machine.makeFile(length: 2000 << 12)
        try bench.map(32, 2000, [.read, .write], .file, file: file)
        let demand = FrameDemand(bench.space, PageRange(32, count: 2000), .access(write: true))
        bench.machine.setFrameLimit(4000)
        #expect(bench.machine.run(LookAhead(demand)) == Course())
        bench.machine.setFrameLimit(3999)
        #expect(bench.machine.run(LookAhead(demand)).fault?.cause == .limit)
    }
}
