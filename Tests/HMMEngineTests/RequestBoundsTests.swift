import HMMEngine
import HMMHarness
import HMMProtocol
import Testing

/// What one request may ask for: at the bound it is served, one past it it is refused, and what waits has been promised
/// what it needs.
@Suite struct RequestBoundsTests {
    private func peer(_ policy: TenantPolicy = TenantPolicy(), _ change: (inout Limits) -> Void) throws -> EnginePeer {
        var limits = Limits()
        change(&limits)
        var peer = EnginePeer(limits: limits, policy: policy)
        try peer.say("mm.create", "dev.create gpu0", "mmap 1 0x10000 8p", as: "P")
        return peer
    }

    private func answer(_ line: String, _ peer: inout EnginePeer, as name: String = "P") throws -> String {
        try peer.say(line, as: name).last { !$0.hasPrefix("!") } ?? ""
    }

    private func frames(_ count: UInt64) -> TenantPolicy {
        var quota = Quota()
        quota[.residentBytes].hard = count << 12
        return TenantPolicy(quota: quota)
    }

    @Test func whatAnAnswerShows() throws {
        var peer = try peer {
            $0.printable = 100
            $0.literal = 200
            $0.residentBytes = 8192
        }
        try peer.say("file.create f 4p", as: "P")
        #expect(try answer("read 1 0x10000 100 as=hex", &peer) == "+ n=100")
        #expect(try answer("read 1 0x10000 101 as=hex", &peer).hasPrefix("- BADARG EINVAL"))
        #expect(try answer("read 1 0x10000 200 as=literal", &peer) == "+ n=200")
        #expect(try answer("read 1 0x10000 201 as=literal", &peer).hasPrefix("- BADARG EINVAL"))
        #expect(try answer("read 1 0x10000 8192 as=ints", &peer) == "+ n=8192")
        #expect(try answer("read 1 0x10000 8196 as=ints", &peer).hasPrefix("- LIMIT EDQUOT"))
        #expect(try answer("file.write f 0 pattern=41 len=8192", &peer) == "+ n=8192")
        #expect(try answer("file.write f 0 pattern=41 len=8193", &peer).hasPrefix("- LIMIT EDQUOT"))
        #expect(try answer("file.read f 0 8192 as=pages", &peer) == "+ n=8192")
        #expect(try answer("file.read f 0 12288 as=pages", &peer).hasPrefix("- LIMIT EDQUOT"))
    }

    /// Waiting helps.
    @Test func taggedRequests() throws {
        var peer = try peer { $0.window = 2 }
        try peer.say("write 1 0x10000 x", as: "P")
        try peer.say("mirror 1 gpu0", as: "M")
        #expect(try peer.say("#a munmap 1 0x10000 8p", "#b read 1 0x10000 1", as: "P") == [])
        #expect(try answer("#c ping", &peer).hasPrefix("-c BUSY EBUSY retry-after="))
        try peer.say("ack 1", as: "M")
        #expect(peer.heard("P").count == 2)
        #expect(try answer("#c ping", &peer) == "+c")
    }

    @Test func migrations() throws {
        var peer = try peer {
            $0.openMigrations = 1
            $0.migrationPages = 2
        }
        try peer.say("write 1 0x10000 x len=4p", "region.create gpu0 8p", "mirror 1 gpu0", as: "P")
        #expect(try answer("migrate.begin 1 0x10000 3p device", &peer).hasPrefix("- LIMIT EDQUOT"))
        #expect(try answer("migrate.begin 1 0x10000 2p device", &peer).hasPrefix("+ migration=1 "))
        #expect(try answer("migrate.begin 1 0x12000 2p device", &peer).hasPrefix("- LIMIT EDQUOT"))
        try peer.say("migrate.abort 1", as: "P")
        #expect(try answer("migrate.begin 1 0x12000 2p device", &peer).hasPrefix("+ migration=2 "))
    }

    @Test func memoryOfDevices() throws {
        var peer = try peer { $0.regionBytes = 4 << 12 }
        #expect(try answer("region.create gpu0 5p", &peer).hasPrefix("- LIMIT EDQUOT"))
        #expect(try answer("region.create gpu0 4p", &peer).hasPrefix("+ region=1 "))
        #expect(try answer("region.create gpu0 1p", &peer).hasPrefix("- LIMIT EDQUOT"))
    }

    // MARK: What has been promised

    /// What a `mmap` is about to replace goes only if the new area is sure of its place, whatever others map meanwhile.
    @Test func anAreaThatWaits() throws {
        var peer = try peer { $0.areas = 4 }
        try peer.say("write 1 0x10000 x len=8p", as: "P")
        try peer.say("mirror 1 gpu0 0x10000 8p", as: "M")
        #expect(try peer.say("#m mmap 1 0x12000 1p fixed=yes prot=r", as: "P") == [])
        #expect(try answer("mmap 1 0x40000 1p", &peer).hasPrefix("+ va="))
        #expect(try answer("mmap 1 0x50000 1p", &peer).hasPrefix("- LIMIT EDQUOT"))
        #expect(try answer("munmap 1 0x40000 1p", &peer).hasPrefix("+ "))
        #expect(try answer("mmap 1 0x50000 1p", &peer).hasPrefix("+ va="))
        try peer.say("ack 1", as: "M")
        #expect(peer.heard("P").last?.hasPrefix("+m va=0x12000 ") ?? false)
        #expect(try answer("maps 1", &peer).hasPrefix("+ rows=4 "))
        // What cuts nothing is done where nothing may be cut.
        try peer.say("mirror.drop 1", as: "M")
        #expect(try answer("madvise 1 0x10000 1p dontneed", &peer).hasPrefix("+ "))
        #expect(try answer("madvise 1 0x10000 1p dontfork", &peer).hasPrefix("- LIMIT EDQUOT"))
    }

    @Test func hugePagesThatWait() throws {
        var peer = try peer { $0.hugetlbPages = 1 }
        try peer.say("mmap 1 0x400000 2m kind=hugetlb", as: "P")
        try peer.say("mirror 1 gpu0", as: "M")
        // It takes the place of what it replaces.
        #expect(try peer.say("#m mmap 1 0x400000 2m kind=hugetlb fixed=yes", as: "P") == [])
        #expect(try answer("mmap 1 len=2m kind=hugetlb", &peer).hasPrefix("- NOSPACE ENOMEM"))
        try peer.say("ack 1", as: "M")
        #expect(peer.heard("P").last?.hasPrefix("+m va=0x400000 ") ?? false)
        #expect(try answer("mmap 1 len=2m kind=hugetlb", &peer).hasPrefix("- NOSPACE ENOMEM"))
    }

    /// The file that is to be mapped stays, even without its name.
    @Test func aFileThatWaits() throws {
        var peer = try peer { _ in }
        try peer.say("write 1 0x10000 x", "file.create f 1p pattern=41", as: "P")
        try peer.say("mirror 1 gpu0", as: "M")
        #expect(try peer.say("#m mmap 1 0x10000 1p kind=file-shared file=f fixed=yes", as: "P") == [])
        try peer.say("file.remove f", as: "P")
        try peer.say("ack 1", as: "M")
        #expect(peer.heard("P").last?.hasPrefix("+m va=0x10000 ") ?? false)
        #expect(try peer.say("read 1 0x10000 2", as: "P").first == #"= data="AA""#)
        try peer.say("mirror.drop 1", as: "M")
        try peer.say("munmap 1 0x10000 1p", as: "P")
        #expect(peer.framesUsed == 0)
    }

    /// Pages that someone does I/O on are copied by a fork: it is sure of their frames before anybody hears of it.
    @Test(arguments: [3, 4]) func aForkThatWaits(_ most: UInt64) throws {
        var peer = try peer(frames(most)) { _ in }
        try peer.say("write 1 0x10000 x len=2p", "pin 1 0x10000 2p", "mm.create", "mmap 2 0x10000 2p", as: "P")
        try peer.say("mirror 1 gpu0", as: "M")
        let answer = try peer.say("#f mm.fork 1", as: "P")
        guard most == 4 else {
            #expect(answer.count == 1 && answer[0].hasPrefix("-f LIMIT EDQUOT"))
            #expect(peer.heard("M") == [])
            #expect(try peer.say("write 2 0x10000 x", as: "P") == ["+ n=1"])
            return
        }
        #expect(answer == [])
        #expect(try self.answer("write 2 0x10000 x", &peer).hasPrefix("- LIMIT EDQUOT"))
        // Not even a bound that is lowered takes away what has been promised.
        try peer.adopt(frames(1))
        try peer.say("ack 1", as: "M")
        #expect(peer.heard("P").first?.hasPrefix("+f mm=3 ") ?? false)
        #expect(peer.framesUsed == 4)
    }

    /// Past its lease a fork fails, and what was promised to it is free again.
    @Test func aForkThatFails() throws {
        var peer = try peer(frames(4)) { _ in }
        try peer.say("mm.create on-expiry=fail", "mmap 2 0x10000 2p", as: "P")
        try peer.say("write 2 0x10000 x len=2p", "pin 2 0x10000 2p", as: "P")
        try peer.say("mirror 2 gpu0 lease=10", as: "M")
        #expect(try peer.say("#f mm.fork 2", as: "P") == [])
        try peer.advance(milliseconds: 11)
        #expect(peer.heard("P").first?.hasPrefix("-f TIMEOUT") ?? false)
        #expect(try peer.say("write 1 0x10000 x len=2p", as: "P") == ["+ n=8192"])
    }

    /// A device fault that asks page by page takes along what is behind a page; it gets all of that or nothing.
    @Test(arguments: [("----w---", false), ("r---w---", false), ("-----w--", true), ("r----wrr", true)])
    func pagesOneByOne(_ pages: String, _ fits: Bool) throws {
        var peer = try peer(frames(3)) { _ in }
        try peer.say("mirror 1 gpu0 ack=auto", as: "M")
        // Where there is no table yet the pages count as one.
        #expect(
            try answer("fault 1 0x10000 8p access=none mask=w pages=-------w", &peer, as: "M")
                .hasPrefix("- LIMIT EDQUOT va=0x13000"))
        try peer.say("read 1 0x10000 1", as: "P")
        let before = peer.tenant?.engine.wholeState()
        let answer = try answer("fault 1 0x10000 8p access=none mask=w pages=\(pages)", &peer, as: "M")
        guard fits else {
            #expect(answer.hasPrefix("- LIMIT EDQUOT va=0x17000"), "\(answer)")
            return #expect(peer.tenant?.engine.wholeState() == before)
        }
        #expect(answer.hasPrefix("+ pages=8 "), "\(answer)")
        #expect(peer.framesUsed == 3)
    }

    /// One page of a file that is mapped twice takes one frame.
    @Test func whatIsCountedOnce() throws {
        var peer = try peer(frames(1)) { _ in }
        try peer.say("file.create f 1p", as: "P")
        try peer.say("mmap 1 0x40000 1p kind=file-shared file=f", "mmap 1 0x41000 1p kind=file-shared file=f", as: "P")
        #expect(try answer("write 1 0x40ff0 x len=32", &peer) == "+ n=32")
        #expect(peer.framesUsed == 1)
    }
}
