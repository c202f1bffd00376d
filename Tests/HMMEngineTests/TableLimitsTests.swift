import HMMHarness
import HMMProtocol
import Testing

@testable import HMMEngine
@testable import HMMMemory

/// Tables of a tenant stop at their limits, and one past them nothing has changed.
@Suite struct TableLimitsTests {
    private func peer(_ change: (inout Limits) -> Void) throws -> EnginePeer {
        var limits = Limits()
        change(&limits)
        var peer = EnginePeer(limits: limits)
        try peer.say("mm.create", "dev.create gpu0", as: "P")
        return peer
    }

    /// P's `request` for four pages waits for A; and there is a file of as many.
    private func peer(waitingFor request: String, _ change: (inout Limits) -> Void) throws -> EnginePeer {
        var peer = try peer(change)
        try peer.say("mmap 1 0x10000 4p", "file.create f 4p", as: "P")
        try peer.say("mirror 1 gpu0", as: "A")
        #expect(try peer.say(request, as: "P") == [])
        return peer
    }

    /// A page of data as a client sends it.
    private static let page = "{4096}\n" + String(repeating: "x", count: 4096)

    private func isRefused(_ line: String, _ peer: inout EnginePeer, as name: String = "P") throws -> Bool {
        try peer.say(line, as: name).first?.hasPrefix("- LIMIT E") ?? false
    }

    @Test func rangesOf2017() throws {
        var peer = try peer { $0.openRanges = 2 }
        try peer.say("hmm.mirror-register 1 gpu0", "mmap 1 0x10000 4p", as: "A")
        for _ in 0..<2 { #expect(try peer.say("hmm.vma-get-pfns 1 0x10000 1p", as: "A").last?.hasPrefix("+") ?? false) }
        #expect(try isRefused("hmm.vma-get-pfns 1 0x10000 1p", &peer, as: "A"))
        try peer.say("hmm.vma-range-done 1", as: "A")
        #expect(try peer.say("hmm.vma-get-pfns 1 0x10000 1p", as: "A").last?.hasPrefix("+") ?? false)
    }

    @Test func umbrellas() throws {
        var peer = try peer { $0.umbrellas = 2 }
        try peer.say("hmm.device-new a", "hmm.device-new b", as: "P")
        #expect(try isRefused("hmm.device-new c", &peer))
        // One that has gone makes room, and its place is taken again, however often.
        for _ in 0..<10 {
            #expect(try peer.say("hmm.device-put a", as: "P").first?.hasPrefix("+") ?? false)
            #expect(try peer.say("hmm.device-new a", as: "P") == ["+ umbrella=a"])
        }
    }

    @Test func areasOfAllSpaces() throws {
        var peer = try peer { $0.tenantAreas = 4 }
        try peer.say("mm.create", "mmap 1 0x10000 1p", "mmap 1 0x20000 3p", "mmap 2 0x10000 1p", as: "P")
        #expect(try isRefused("mm.fork 1", &peer))
        // It would cut one area into three.
        #expect(try isRefused("mprotect 1 0x21000 1p r", &peer))
        #expect(try peer.say("mmap 2 0x20000 1p", as: "P").first?.hasPrefix("+") ?? false)
        #expect(try isRefused("mmap 2 0x30000 1p", &peer))
        #expect(try peer.say("maps 2", as: "P").last == "+ rows=2 resident=0")
        try peer.say("munmap 2 0 1m", as: "P")
        #expect(try peer.say("mm.fork 1", as: "P").first?.hasPrefix("+ mm=") ?? false)
    }

    /// A copy reserves as many huge pages as what it is of.
    @Test func hugePagesOfCopies() throws {
        var peer = try peer { $0.hugetlbPages = 2 }
        try peer.say("mmap 1 len=2m kind=hugetlb", "mm.fork 1", as: "P")
        #expect(try isRefused("mm.fork 1", &peer))
        #expect(
            try peer.say("limits", as: "P").contains {
                $0.contains("name=hugetlb-pages limit=2 unit=huge-pages used=2")
            })
        try peer.say("mm.drop 2", as: "P")
        #expect(try peer.say("mm.fork 1", as: "P").first?.hasPrefix("+ mm=") ?? false)
        #expect(try isRefused("mm.fork 1", &peer))
    }

    /// A copy has what those make that are before it.
    @Test func areasOfCopiesThatWait() throws {
        var peer = try peer { $0.tenantAreas = 7 }
        try peer.say("mmap 1 0x10000 1p", "mmap 1 0x20000 3p", "write 1 0x21000 x", as: "P")
        try peer.say("mirror 1 gpu0", as: "A")
        // Two areas more, once this is acknowledged.
        try peer.say("#p mprotect 1 0x21000 1p r", as: "P")
        #expect(try peer.say("#f mm.fork 1", as: "P").first?.hasPrefix("-f LIMIT E") ?? false)
        try peer.say("ack 1", "mirror.drop 1", as: "A")
        _ = peer.heard("P")
        #expect(try isRefused("mm.fork 1", &peer))
        try peer.say("munmap 1 0x10000 1p", as: "P")
        #expect(try peer.say("mm.fork 1", as: "P").first?.hasPrefix("+ mm=2") ?? false)
    }

    /// What would have made no area more when it was asked makes two when its turn comes: it is refused then, and has
    /// done nothing.
    @Test(arguments: [2, 3]) func areasThatChangedWhileSomethingWaited(_ limit: Int) throws {
        var peer = try peer { $0.areas = limit }
        try peer.say("mmap 1 0x10000 4p", "write 1 0x10000 x len=4p", as: "P")
        try peer.say("mirror 1 gpu0 ack=auto", "mirror 1 gpu0 0x13000 1p", as: "A")
        try peer.say("#a mprotect 1 0x10000 4p r", "#b mprotect 1 0x11000 2p rw", "#c read 1 0x11000 1", as: "P")
        #expect(peer.pendingCount == 3)
        try peer.say("ack 2", as: "A")
        let heard = peer.heard("P")
        #expect(heard.contains { $0.hasPrefix("-b LIMIT E") } == (limit == 2))
        #expect(heard.last == "+c n=1")
        #expect(try peer.say("maps 1", as: "P").last == "+ rows=\(limit == 2 ? 1 : 3) resident=4")
        #expect(peer.pendingCount == 0 && peer.tenant?.engine.violations() == [])
    }

    /// An area that crosses a multiple of 512 GiB is cut there for a while.
    @Test(arguments: [1, 2]) func areasOfChangesInPieces(_ limit: Int) throws {
        var peer = try peer { $0.areas = limit }
        try peer.say("mmap 1 0x7fffffe000 4p", "write 1 0x7fffffe000 pattern=41 len=4p", as: "P")
        try peer.say("mirror 1 gpu0", as: "A")
        guard limit > 1 else { return #expect(try isRefused("mprotect 1 0x7fffffe000 4p r", &peer)) }
        try peer.say("#p mprotect 1 0x7fffffe000 4p r", as: "P")
        try peer.say("ack 1", as: "A")
        #expect(try peer.say("maps 1", as: "P").last?.hasPrefix("+ rows=2 ") ?? false)
        try peer.say("ack 2", as: "A")
        #expect(peer.heard("P").last?.hasPrefix("+p pages=4 ") ?? false)
        #expect(try peer.say("maps 1", as: "P").last?.hasPrefix("+ rows=1 ") ?? false)
    }

    @Test func requestsThatWait() throws {
        var peer = try peer(waitingFor: "#1 munmap 1 0x10000 4p") { $0.pending = 3 }
        try peer.say("#2 read 1 0x10000 1", "#3 read 1 0x10000 1", as: "P")
        #expect(try peer.say("#4 read 1 0x10000 1", as: "P").first?.hasPrefix("-4 BUSY EBUSY retry-after=") ?? false)
        // What never waits, and what ends the waiting, gets through.
        #expect(try peer.say("#5 ping", as: "P") == ["+5"])
        try peer.say("ack 1", as: "A")
        #expect(peer.heard("P").first?.hasPrefix("+1 ") ?? false)
        #expect(peer.pendingCount == 0)
    }

    /// Few requests can bring much: what they bring is bounded as well as their number.
    @Test func dataThatWaits() throws {
        var peer = try peer(waitingFor: "#1 munmap 1 0x10000 4p") { $0.waitingBytes = 8192 }
        let data = Self.page
        try peer.say("#2 write 1 0x10000 \(data)", "#3 write 1 0x11000 \(data)", as: "P")
        #expect(peer.pendingCount == 3)
        #expect(
            try peer.say("#4 write 1 0x12000 \(data)", as: "P").first?.hasPrefix("-4 BUSY EBUSY retry-after=") ?? false)
        #expect(try peer.say("#5 file.write f 0 x", as: "P").first?.hasPrefix("-5 BUSY") ?? false)
        #expect(try peer.say("#8 fault 1 0x10000 1p pages=r", as: "A").last?.hasPrefix("-8 BUSY") ?? false)
        #expect(try peer.say("#6 file.read f 0 1", as: "P").last == "+6 n=1")
        try peer.say("ack 1", as: "A")
        #expect(peer.pendingCount == 0 && peer.tenant?.engine.waitingBytes == 0)
        #expect(try peer.say("#7 file.write f 0 x", as: "P").last == "+7 n=1")
    }

    /// Data of a request that is cut has been taken from what waits, once the request has ended.
    @Test func dataOfRequestsThatAreCut() throws {
        var peer = try peer { $0.slice = 64 }
        try peer.say("mmap 1 0x10000 4p", as: "P")
        try peer.say("write 1 0x10000 {8192}\n" + String(repeating: "x", count: 8192), as: "P")
        #expect(peer.pendingCount == 0 && peer.tenant?.engine.waitingBytes == 0)
    }

    /// What waits in queues counts with that, and while there is too much of it a connection's queue is short: one with
    /// mirrors hears BUSY, one without is read no further.
    @Test func dataInQueues() throws {
        var peer = try peer(waitingFor: "munmap 1 0x10000 4p") { $0.waitingBytes = 12_288 }
        let data = Self.page
        for _ in 0..<2 { #expect(try peer.say("file.write f 0 \(data)", as: "P") == []) }
        #expect(!isReadingPaused("P", peer))
        #expect(try peer.say("file.write f 0 \(data)", "ping", as: "P") == [])
        #expect(peer.tenant?.engine.waitingBytes == 3 * 4160 + 64)
        #expect(isReadingPaused("P", peer))
        #expect(try peer.say("#1 file.write f 0 x", as: "P").first?.hasPrefix("-1 BUSY EBUSY retry-after=") ?? false)
        // A half of the bound for each of two: 96 requests.
        #expect(try peer.say("munmap 1 0x10000 4p", "file.write f 0 x", as: "A").count == 1)
        for _ in 0..<96 { #expect(try peer.say("ping", as: "A") == []) }
        let heard = try peer.say("ack 1", as: "A")
        #expect(heard.count { $0 == "+" } == 95)
        #expect(heard.count { $0.hasPrefix("- BUSY EBUSY retry-after=") } == 2)
        #expect(heard.last?.hasPrefix("- BUSY") ?? false)
        #expect(peer.pendingCount == 0 && peer.tenant?.engine.waitingBytes == 0)
        #expect(!isReadingPaused("P", peer))
        #expect(peer.tenant?.engine.violations() == [])
    }

    private func isReadingPaused(_ name: String, _ peer: EnginePeer) -> Bool {
        guard let connection = peer.connections[name], let engine = peer.tenant else { return false }
        return engine.engine.sessions.index(of: connection.id).map { engine.engine.sessions[$0].isReadingPaused }
            ?? false
    }

    /// After four thousand million address spaces there are no numbers left: that is said, and nothing breaks.
    @Test func numbersThatHaveBeenUsedUp() throws {
        var peer = try peer { _ in }
        peer.tenant?.engine.machine.spaces.skip(to: .max - (1 << 20))
        #expect(try peer.say("mm.create", as: "P") == ["+ mm=4293918719"])
        #expect(try isRefused("mm.create", &peer))
        #expect(try isRefused("mm.drop 4293918719", &peer))
        #expect(try peer.say("ping", as: "P") == ["+"])
        #expect(peer.tenant?.engine.violations() == [])
    }

    /// Devices that have gone leave nothing behind.
    @Test func namesOfDevicesGoWithThem() throws {
        var peer = try peer { _ in }
        for _ in 0..<1000 { try peer.say("dev.create gpu1", "dev.remove gpu1", as: "P") }
        var left = DeviceNames()
        left.append(try #require(ShortName("gpu0")), DeviceID(rawValue: 1))
        #expect(peer.tenant?.engine.deviceNames == left)
    }
}
