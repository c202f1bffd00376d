import HMMEngine
import HMMHarness
import HMMProtocol
import Testing

/// Requests that wait for one another's ranges: nothing is lost, nothing goes stale, nobody is passed for ever.
@Suite struct ParkingTests {
    /// A space with `pages` at 0x10000, mirrored by M for gpu0; lines of the making are passed over.
    private func peer(pages: Int = 4, policy: String = "fence", ack: String = "manual") throws -> EnginePeer {
        var peer = EnginePeer()
        try peer.say(
            "mm.create on-expiry=\(policy)", "mmap 1 0x10000 \(pages)p", "dev.create gpu0", "region.create gpu0 1m",
            as: "P")
        try peer.say("mirror 1 gpu0 ack=\(ack)", as: "M")
        _ = peer.heard("P")
        return peer
    }

    /// A store that waited in vain for its second page announces the first one anew, or has done with it: the device
    /// must not keep a translation of the zero page that has gone.
    @Test func aChangeIsNotAppliedLate() throws {
        var peer = try peer()
        try peer.say("mirror 1 gpu0 0x11000 1p", as: "N")
        try peer.say("fault 1 0x10000 1p", as: "M")
        // The store's first round: the zero page at 0x10000 goes.
        #expect(try peer.say("#w write 1 0x10000 hex:01 len=2p", as: "P") == [])
        #expect(peer.heard("M").count == 1)
        // Another request takes the second page before the first round ends, and waits for N.
        try peer.say("fault 2 0x11000 1p", as: "N")
        #expect(try peer.say("#u munmap 1 0x11000 1p", as: "P") == [])
        try peer.say("ack 1", as: "M")
        try peer.say("ack 2", as: "M")
        try peer.say("#f fault 1 0x10000 1p", as: "M")
        try peer.say("ack 1", as: "N")
        #expect(peer.heard("P").contains { $0.hasPrefix("+u pages=0 ") })
        while let event = peer.heard("M").last(where: { $0.hasPrefix("!") })?.dropFirst().prefix(while: \.isNumber) {
            try peer.say("ack \(event)", as: "M")
        }
        #expect(peer.pendingCount == 0)
    }

    @Test func aSnapshotBehindTheEndOfItsSpaceIsCancelled() throws {
        var peer = try peer()
        try peer.say("#d mm.drop 1", as: "P")
        #expect(try peer.say("#s snapshot 1 0x10000 4p", as: "M").map { $0.prefix(7) } == ["!1 inva"])
        #expect(try peer.say("ack 1", as: "M").map { $0.prefix(7) } == ["!2 inva"])
        let lines = try peer.say("ack 2", as: "M")
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("-s CANCELLED ECANCELED") ?? false)
    }

    /// The place that the server chooses may not be one that another request is about to unmap.
    @Test func aChosenPlaceIsNoHeldPlace() throws {
        var peer = try peer()
        try peer.say("mmap 1 0x7ffffff00000 1p", as: "P")
        try peer.say("fault 1 0x7ffffff00000 1p", as: "M")
        #expect(try peer.say("#u munmap 1 0x7fffff000000 16773120", as: "P") == [])
        #expect(try peer.say("#m mmap 1 len=1p", as: "P") == [])
        try peer.say("ack 1", as: "M")
        let lines = peer.heard("P")
        #expect(lines.map { $0.prefix(2) } == ["+u", "+m"])
        #expect(try peer.say("maps 1", as: "P").contains { $0.hasPrefix("= va=0x7fffffffe000 ") })
    }

    /// `nowait` holds for the wait in the middle too.
    @Test func noWaitRefusesToParkAfterItsOwnRound() throws {
        var peer = try peer()
        try peer.say("mirror 1 gpu0 0x11000 1p", as: "N")
        try peer.say("fault 1 0x10000 1p", as: "M")
        try peer.say("fault 2 0x11000 1p", as: "N")
        #expect(try peer.say("#f fault 1 0x10000 2p access=w nowait=yes", as: "M").map { $0.prefix(2) } == ["!1"])
        try peer.say("#u munmap 1 0x11000 1p", as: "P")
        let lines = try peer.say("ack 1", "ack 2", as: "M")
        #expect(lines.contains { $0.hasPrefix("-f BUSY EBUSY") })
    }

    /// What a parked request wants is not taken by a stream of later ones.
    @Test func nobodyIsPassedForEver() throws {
        var peer = try peer()
        try peer.say("fault 1 0x10000 4p access=w", as: "M")
        try peer.say("#1 munmap 1 0x10000 1p", as: "P")
        try peer.say("#2 munmap 1 0x10000 4p", as: "P")
        try peer.say("#3 mprotect 1 0x13000 1p r", as: "P")
        #expect(try peer.say("pending", as: "P").filter { $0.contains("behind=1") }.count == 1)
        try peer.say("ack 1", as: "M")
        try peer.say("ack 2", as: "M")
        #expect(peer.heard("P").map { $0.prefix(2) } == ["+1", "+2", "-3"])
    }

    /// A device fault brings back what the kernel would, whether or not a mirror made it wait on the way.
    @Test(arguments: ["auto", "manual"]) func afterAWaitAFaultGoesOnWhereItWas(_ ack: String) throws {
        var peer = try peer(ack: ack)
        try peer.say("write 1 0x11000 a len=3p", as: "P")
        try peer.say("migrate 1 0x11000 1p gpu0", "migrate 1 0x13000 1p gpu0", as: "M")
        // The first page is missing: the device's own pages behind it come back with it, each on its own.
        try peer.say("#f fault 1 0x10000 4p", as: "M")
        for event in 1...4 where ack == "manual" { try peer.say("ack \(event)", as: "M") }
        let rows = try peer.say("snapshot 1 0x10000 4p", as: "M")
        #expect(!rows.contains { $0.contains("kind=private") })
    }

    /// A device store whose first page goes while it waits for its second says what became of the first.
    @Test func aDeviceStoreLosesAPageWhileItWaits() throws {
        var peer = try peer()
        try peer.say("fault 1 0x10000 1p access=w", "fault 1 0x11000 1p", as: "M")
        #expect(try peer.say("#w dev.write 1 0x10000 x len=2p", as: "M").count == 1)
        try peer.say("#u munmap 1 0x10000 1p", as: "P")
        let lines = try peer.say("ack 2", "ack 1", as: "M")
        #expect(
            lines.map { $0.prefix(27) }
                == ["!2 inval mirror=1 va=0x10000", "-w NOMAP EFAULT va=0x10000 "].map { $0.prefix(27) })
        #expect(peer.heard("P").map { $0.prefix(9) } == ["+u pages="])
    }
}
