import HMMEngine
import HMMHarness
import HMMProtocol
import Testing

/// Connections that go, are cut off or are told to go, while requests wait.
@Suite struct ClosingTests {
    /// M mirrors the two pages of P's space and has them in its table.
    private func peer(limits: Limits = Limits()) throws -> EnginePeer {
        var peer = EnginePeer(limits: limits)
        try peer.say("mm.create", "mmap 1 0x10000 2p", "write 1 0x10000 a len=2p", "dev.create gpu0", as: "P")
        try peer.say("mirror 1 gpu0", "fault 1 0x10000 2p", as: "M")
        return peer
    }

    /// The last request may be one whose connection has gone: the server stops all the same.
    @Test func drainingEndsWithARequestNobodyWaitsFor() throws {
        var peer = try peer()
        try peer.say("#u munmap 1 0x10000 1p", as: "P")
        try peer.cut("P")
        try peer.drain()
        #expect(peer.heard("M").map { $0.prefix(7) } == ["!1 inva", "* note "])
        #expect(try peer.say("ack 1", as: "M") == ["* bye SHUTDOWN"])
        #expect(peer.tenant?.engine.connectionCount == 0)
    }

    @Test func drainingAnswersWhatHasBegun() throws {
        var peer = try peer()
        try peer.say("munmap 1 0x10000 1p", "ping", as: "P")
        try peer.drain()
        try peer.say("ack 1", as: "M")
        #expect(peer.heard("P").map { $0.prefix(7) } == ["* note ", "+ pages", "+", "* bye S"])
    }

    /// Also what a connection has queued, however slowly its client takes the answers.
    @Test func drainingAnswersALongQueue() throws {
        var limits = Limits()
        limits.queuedBytes = 10_000
        var peer = try peer(limits: limits)
        try peer.say("munmap 1 0x10000 1p", as: "P")
        for _ in 0..<9 { try peer.say("read 1 0x11000 4096", as: "P") }
        try peer.drain()
        try peer.say("ack 1", as: "M")
        let lines = peer.heard("P").filter { $0.hasPrefix("+") || $0.hasPrefix("*") }
        #expect(lines.count == 12)
        #expect(lines.last == "* bye SHUTDOWN")
    }

    @Test func whoComesWhileDrainingIsSentAwayInTheEnd() throws {
        var peer = try peer()
        try peer.drain()
        try peer.connect("Q", tenant: "ci")
        #expect(peer.heard("Q").map { $0.prefix(7) } == ["* HMM/1", "* note ", "* bye S"])
    }

    /// A transport takes its time to go. Until then nothing more is said, and nobody waits for the mirrors.
    @Test func nothingFollowsGoodbye() throws {
        var peer = try peer()
        peer.closesAtOnce = false
        #expect(try peer.say("#u munmap 1 0x10000 1p", as: "M").count == 1)
        #expect(try peer.say("quit", as: "M") == ["+", "* bye QUIT"])
        #expect(peer.pendingCount == 0)
        #expect(try peer.say("munmap 1 0x11000 1p", as: "P").map { $0.prefix(8) } == ["+ pages="])
        #expect(peer.heard("M") == [])
        try peer.cut("M")
        #expect(peer.tenant?.engine.connectionCount == 1)
    }

    /// The driver of 2017's test evicts its device's memory when a mirror goes: the others are told of it, or nothing.
    @Test func nothingFollowsGoodbyeWhenAllGoAtOnce() throws {
        var peer = try peer()
        peer.closesAtOnce = false
        try peer.say("dev.create d profile=dmirror", "region.create d 8p", "mirror 1 d", as: "D")
        try peer.say("dev.migrate 2 0x10000 1p device", as: "D")
        try peer.say("ack 1", as: "M")
        _ = peer.heard("D") + peer.heard("M")
        try peer.drain()
        for name in ["D", "M", "P"] { #expect(peer.heard(name).last == "* bye SHUTDOWN", "\(name)") }
        #expect(peer.pendingCount == 0 && peer.tenant?.engine.connectionCount == 0)
    }

    @Test func lostFramingEndsTheMirrorsToo() throws {
        var peer = try peer()
        peer.closesAtOnce = false
        try peer.say("#u munmap 1 0x10000 1p", as: "P")
        #expect(try peer.say("write 1 0x10000 {99999999}", as: "M").last == "* bye FRAMING")
        #expect(peer.heard("P").map { $0.prefix(9) } == ["+u pages="])
    }

    /// What waits for another's range goes with its connection; what waits behind that goes on.
    @Test func parkedRequestsGoWithTheirConnection() throws {
        var peer = try peer()
        try peer.say("#u munmap 1 0x10000 1p", as: "P")
        try peer.say("munmap 1 0x10000 2p", "write 1 0x11000 b", as: "Q")
        try peer.say("#p mprotect 1 0x11000 1p r", as: "P")
        #expect(peer.pendingCount == 3)
        try peer.cut("Q")
        #expect(peer.pendingCount == 2)
        #expect(peer.heard("M").count == 2)
        try peer.say("ack 2", "ack 1", as: "M")
        #expect(peer.heard("P").map { $0.prefix(9) } == ["+p pages=", "+u pages="])
        #expect(try peer.say("read 1 0x11000 1", as: "P").first == #"= data="a""#)
    }

    /// What a store had begun is done although nobody hears of it.
    @Test func aStoreUnderWayIsDone() throws {
        var peer = try peer()
        try peer.say("mmap 1 0x20000 1p", "read 1 0x20000 1", as: "P")
        try peer.say("fault 1 0x20000 1p", as: "M")
        try peer.say("write 1 0x20000 z", as: "Q")
        try peer.cut("Q")
        try peer.say("ack 1", as: "M")
        #expect(try peer.say("read 1 0x20000 1", as: "P").first == #"= data="z""#)
    }

    /// Who does not acknowledge is cut off at the bound, and everything it held up goes on.
    /// A client with mirrors is told BUSY for each untagged request past the bound of its queue, in turn; one that does
    /// not listen is cut off at twice the bound, and those who wait for its mirrors go on.
    @Test func tooManyUntaggedRequests() throws {
        var limits = Limits()
        limits.queuedBytes = 640
        var peer = try peer(limits: limits)
        try peer.say("#u munmap 1 0x10000 1p", as: "P")
        try peer.say("munmap 1 0x10000 1p", as: "M")
        for _ in 0..<20 { #expect(try peer.say("ping", as: "M") == []) }
        #expect(try peer.say("ack 1", as: "M").filter { $0.hasPrefix("- BUSY EBUSY retry-after=") }.count == 10)
        try peer.say("#v munmap 1 0x11000 1p", as: "P")
        try peer.say("munmap 1 0x11000 1p", as: "M")
        for _ in 0..<20 { #expect(try peer.say("ping", as: "M") == []) }
        #expect(try peer.say("ping", as: "M") == ["* bye REQUESTS"])
        #expect(peer.heard("P").last?.hasPrefix("+v ") ?? false)
        #expect(peer.pendingCount == 0)
    }

    @Test func tooManyOpenEvents() throws {
        var limits = Limits()
        limits.openEvents = 2
        var peer = try peer(limits: limits)
        try peer.say("mmap 1 0x20000 1p", as: "P")
        _ = peer.heard("P")
        try peer.say("#1 munmap 1 0x10000 1p", "#2 munmap 1 0x11000 1p", as: "P")
        #expect(peer.pendingCount == 2)
        let lines = try peer.say("#3 munmap 1 0x20000 1p", as: "P")
        #expect(lines.map { $0.prefix(9) } == ["+1 pages=", "+2 pages=", "+3 pages="])
        #expect(peer.heard("M").map { $0.prefix(8) } == ["!1 inval", "!2 inval", "!3 inval", "* bye EV"])
    }

    /// A client that asks more than it lets finish is read no further, until it owns a mirror: then its
    /// acknowledgements must get through.
    @Test func whoOwnsAMirrorIsRead() throws {
        var limits = Limits()
        limits.queuedBytes = 300
        var peer = try peer(limits: limits)
        try peer.say("mmap 1 0x20000 1p", as: "P")
        try peer.say(
            "munmap 1 0x10000 1p", "mirror 1 gpu0", "munmap 1 0x20000 1p", "ping", "ping", "ping", "ping", as: "Q")
        #expect(peer.connections["Q"]?.signals == [.pauseReading(ConnectionID(rawValue: 3))])
        try peer.say("ack 1", as: "M")
        #expect(peer.connections["Q"]?.signals.last == .resumeReading(ConnectionID(rawValue: 3)))
        #expect(peer.heard("Q").map { $0.prefix(8) } == ["+ pages=", "+ mirror", "!1 inval"])
        try peer.say("ack 2", as: "M")
        #expect(try peer.say("ack 1", as: "Q").map { $0.prefix(8) } == ["+ pages=", "+", "+", "+", "+"])
    }
}
