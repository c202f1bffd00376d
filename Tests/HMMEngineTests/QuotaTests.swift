import HMMEngine
import HMMHarness
import HMMProtocol
import Testing

/// What a tenant may use: at the bound all is well, one past it nothing happens.
@Suite struct QuotaTests {
    private func policy(_ bounds: [QuotaResource: Quota.Bound]) -> TenantPolicy {
        var quota = Quota()
        for (resource, bound) in bounds { quota[resource] = bound }
        return TenantPolicy(quota: quota)
    }

    private func peer(_ resource: QuotaResource, soft: UInt64? = nil, hard: UInt64? = nil) throws -> EnginePeer {
        var peer = EnginePeer(policy: policy([resource: .init(soft: soft, hard: hard)]))
        try peer.say("ping", as: "P")
        return peer
    }

    /// The rows of `quota` and `maps`, the pages and the files: what a refused request must leave alone.
    private func picture(_ peer: inout EnginePeer) throws -> [String] {
        try peer.say("quota", "maps 1", "pagemap 1 0x10000 1g", "file.list", "dev.list", as: "P")
    }

    private func row(_ resource: QuotaResource, _ peer: inout EnginePeer) throws -> String? {
        try peer.say("quota", as: "P").first { $0.hasPrefix("= name=\(resource.rawValue) ") }
    }

    /// Does `good`, which reaches the bound, then expects `bad` to be refused with `refusal` and to change nothing.
    private func expectRefusal(
        _ peer: inout EnginePeer, after good: [String], of bad: String, _ refusal: String = "- LIMIT EDQUOT",
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for line in good {
            let answer = try peer.say(line, as: "P").last ?? ""
            #expect(answer.hasPrefix("+"), "\(line): \(answer)", sourceLocation: sourceLocation)
        }
        let before = try picture(&peer)
        let answer = try peer.say(bad, as: "P")
        #expect(answer.count == 1 && answer[0].hasPrefix(refusal), "\(bad): \(answer)", sourceLocation: sourceLocation)
        #expect(try picture(&peer) == before, "\(bad)", sourceLocation: sourceLocation)
    }

    // MARK: Things

    @Test func spaces() throws {
        var peer = try peer(.spaces, hard: 2)
        try expectRefusal(&peer, after: ["mm.create", "mm.fork 1"], of: "mm.create")
        try expectRefusal(&peer, after: [], of: "mm.fork 1")
        #expect(try row(.spaces, &peer) == "= name=spaces use=2 soft=none hard=2 unit=address-spaces")
        try peer.say("mm.drop 2", as: "P")
        #expect(try peer.say("mm.create", as: "P") == ["+ mm=3"])
    }

    /// Forks that wait have been promised their address spaces.
    @Test func forksThatWaitCount() throws {
        var peer = try peer(.spaces, hard: 2)
        try peer.say("mm.create", "mmap 1 0x10000 1p", "write 1 0x10000 x", "dev.create gpu0", as: "P")
        try peer.say("mirror 1 gpu0", as: "M")
        #expect(try peer.say("#a mm.fork 1", as: "P") == [])
        #expect(try peer.say("#b mm.fork 1", as: "P").first?.hasPrefix("-b LIMIT EDQUOT") ?? false)
        #expect(try peer.say("mm.create", as: "P").first?.hasPrefix("- LIMIT EDQUOT") ?? false)
        try peer.say("ack 1", as: "M")
        #expect(peer.heard("P").first?.hasPrefix("+a mm=2 ") ?? false)
    }

    @Test func mirrorsDevicesAndRegions() throws {
        var mirrors = try peer(.mirrors, hard: 1)
        try expectRefusal(&mirrors, after: ["mm.create", "dev.create gpu0", "mirror 1 gpu0"], of: "mirror 1 gpu0")
        var devices = try peer(.devices, hard: 1)
        try expectRefusal(&devices, after: ["mm.create", "dev.create gpu0"], of: "dev.create gpu1")
        var regions = try peer(.regions, hard: 1)
        try expectRefusal(
            &regions, after: ["mm.create", "dev.create gpu0", "region.create gpu0 1p"], of: "region.create gpu0 1p")
        try expectRefusal(&regions, after: [], of: "hmm.devmem-add gpu0 1p")
    }

    /// A device that grows gets no region past the bound: what would move there stays.
    @Test func growthIsBounded() throws {
        var peer = try peer(.regions, hard: 1)
        try peer.say("mm.create", "dev.create gpu0 chunk=2m", "mmap 1 0x200000 513p", as: "P")
        try peer.say("write 1 0x200000 x len=513p", as: "P")
        #expect(try peer.say("migrate 1 0x200000 513p gpu0", as: "P").last?.hasPrefix("+ moved=512 stayed=1") ?? false)
    }

    @Test func connections() throws {
        var peer = try peer(.connections, hard: 2)
        try peer.say("ping", as: "Q")
        try peer.connect("R", tenant: "ci")
        #expect(peer.heard("R").last?.hasPrefix("* bye LIMIT") ?? false)
        #expect(try row(.connections, &peer)?.contains(" use=2 ") ?? false)
        try peer.cut("Q")
        try peer.connect("S", tenant: "ci")
        #expect(peer.heard("S").count == 1)
    }

    // MARK: Frames

    /// Everything that takes page frames, one past the bound: refused before the first is taken.
    @Test(arguments: [
        "write 1 0x10000 x len=5p", "dev.write 1 0x10000 x len=5p", "fault 1 0x10000 5p w", "pin 1 0x10000 5p access=w",
        "madvise 1 0x10000 5p populate-write", "exclusive 1 0x10000 5p", "write 1 0x10000 pattern=41 len=5p each=yes",
        "write 1 0x20000 x len=4p", "madvise 1 0x30000 5p populate-read", "write 1 0x30000 x len=3p",
        "file.write f 0 x len=5p", "file.create g 5p pattern=41", "mmap 1 len=5p kind=device file=gpu0",
        "read 1 0x400000 1", "write 1 0x400000 x",
    ])
    func frames(_ line: String) throws {
        var peer = try peer(.residentBytes, hard: 5 << 12)
        let prepared = [
            "mm.create", "dev.create gpu0", "mirror 1 gpu0 ack=auto", "mmap 1 0x10000 8p",
            "mmap 1 0x20000 8p kind=anon-shared",
            "file.create f 8p", "mmap 1 0x30000 8p kind=file-private file=f", "mmap 1 0x40000 1p", "write 1 0x40000 x",
            "mmap 1 0x400000 2m kind=hugetlb", "write 1 0x20000 x",
        ]
        // Two of the five are in use; what wants four more of the shared area has one of them.
        try expectRefusal(
            &peer, after: prepared + (line.hasPrefix("write 1 0x20000") ? ["write 1 0x10000 x"] : []), of: line)
    }

    @Test func theLastFrameIsGiven() throws {
        var peer = try peer(.residentBytes, hard: 5 << 12)
        try peer.say("mm.create", "mmap 1 0x10000 8p", as: "P")
        #expect(try peer.say("write 1 0x10000 x len=5p", as: "P") == ["+ n=20480"])
        #expect(try row(.residentBytes, &peer) == "= name=resident-bytes use=20480 soft=none hard=20480 unit=bytes")
        // What is there can be used, and read what is not.
        #expect(try peer.say("write 1 0x10000 y len=5p", as: "P") == ["+ n=20480"])
        #expect(try peer.say("read 1 0x15000 1", as: "P").last == "+ n=1")
    }

    /// A copy of a shared page takes a frame; the last one who has it needs none.
    @Test func copiesCount() throws {
        var peer = try peer(.residentBytes, hard: 4 << 12)
        try expectRefusal(
            &peer, after: ["mm.create", "mmap 1 0x10000 3p", "write 1 0x10000 x len=3p", "mm.fork 1"],
            of: "write 1 0x10000 y len=3p")
        #expect(try peer.say("mm.drop 2", as: "P").first?.hasPrefix("+") ?? false)
        #expect(try peer.say("write 1 0x10000 y len=3p", as: "P") == ["+ n=12288"])
    }

    /// Where 512 frames are left a huge page takes them all, and small ones follow.
    @Test(arguments: [(600, true), (599, false)]) func hugePages(_ frames: UInt64, _ fits: Bool) throws {
        var peer = try peer(.residentBytes, hard: frames << 12)
        try peer.say("mm.create", "mmap 1 0x400000 4m", "madvise 1 0x400000 4m hugepage", as: "P")
        let line = "write 1 \(0x400000 + 300 << 12) x len=300p"
        guard fits else { return try expectRefusal(&peer, after: [], of: line) }
        #expect(try peer.say(line, as: "P") == ["+ n=1228800"])
        #expect(peer.framesUsed == 600)
    }

    /// At the bound memory can still move, and go.
    @Test func whoIsFullCanStillMove() throws {
        var peer = try peer(.residentBytes, hard: 4 << 12)
        try peer.say("mm.create", "dev.create gpu0", "region.create gpu0 8p", "mmap 1 0x10000 4p", as: "P")
        try peer.say("write 1 0x10000 abcd len=4p", as: "P")
        try peer.say("migrate 1 0x10000 4p gpu0", as: "P")
        #expect(try peer.say("read 1 0x10000 4", as: "P").first == #"= data="abcd""#)
        #expect(try peer.say("munmap 1 0x10000 4p", as: "P").first?.hasPrefix("+ pages=4") ?? false)
        #expect(peer.framesUsed == 0)
    }

    /// A migration in steps has its copies besides what it copies, and fills holes: no further than the bound.
    @Test func copiesOfAMigrationCount() throws {
        var peer = try peer(.residentBytes, hard: 3 << 12)
        try peer.say("mm.create", "dev.create gpu0", "region.create gpu0 8p", "mmap 1 0x10000 6p", as: "P")
        try peer.say("write 1 0x10000 ab len=2p", "mirror 1 gpu0 ack=auto", as: "P")
        try peer.say("migrate.begin 1 0x10000 6p device", as: "P")
        #expect(try peer.say("migrate.copy 1", as: "P").last == "+ copied=1")
        #expect(peer.framesUsed == 3)
        try peer.say("migrate.finish 1", as: "P")
        #expect(try peer.say("read 1 0x10000 2", as: "P").contains(#"= data="ab""#))
        #expect(peer.framesUsed <= 3)
    }

    // MARK: Requests

    @Test func requestsInFlight() throws {
        var peer = try peer(.requestsInFlight, hard: 2)
        try peer.say("mm.create", "dev.create gpu0", "mmap 1 0x10000 4p", "write 1 0x10000 x len=4p", as: "P")
        try peer.say("mirror 1 gpu0", as: "M")
        #expect(try peer.say("#a munmap 1 0x10000 1p", as: "P") == [])
        #expect(try peer.say("#b munmap 1 0x11000 1p", as: "Q") == [])
        let refusal = try peer.say("#c read 1 0x12000 1", as: "P").first
        #expect(refusal?.hasPrefix("-c BUSY EBUSY retry-after=100 : 2 requests") ?? false)
        // What never waits, and what ends a wait, gets through.
        #expect(try peer.say("#d ping", as: "P") == ["+d"])
        #expect(try row(.requestsInFlight, &peer) == "= name=requests-in-flight use=2 soft=none hard=2 unit=requests")
        try peer.say("ack 1", as: "M")
        #expect(peer.heard("P").first?.hasPrefix("+a pages=1 ") ?? false)
        #expect(try peer.say("#c read 1 0x12000 1", as: "P").last == "+c n=1")
        #expect(try peer.say("mirror.drop 1", as: "M").last == "+")
        #expect(peer.heard("Q").first?.hasPrefix("+b pages=1 ") ?? false)
    }

    @Test func requestsPerSecond() throws {
        var peer = try peer(.requestsPerSecond, hard: 4)
        try peer.advance(milliseconds: 1000)
        // As many as a second gives, at once; then one each quarter.
        #expect(try peer.say("ping", "ping", "ping", "ping", as: "P") == ["+", "+", "+", "+"])
        let refusal = try peer.say("#x ping", as: "P").first
        #expect(refusal?.hasPrefix("-x BUSY EBUSY retry-after=250 : ") ?? false)
        try peer.advance(milliseconds: 249)
        #expect(try peer.say("mm.create", as: "P").first?.hasPrefix("- BUSY EBUSY retry-after=1 : ") ?? false)
        try peer.advance(milliseconds: 1)
        #expect(try peer.say("mm.create", "ping", as: "P").map { $0.prefix(6) } == ["+ mm=1", "- BUSY"])
        // An acknowledgement is no request: others wait for it.
        #expect(try peer.say("ack 7", as: "P").first?.hasPrefix("- NOEVENT") ?? false)
        try peer.advance(milliseconds: 10000)
        #expect(try row(.requestsPerSecond, &peer)?.contains(" use=1 soft=none hard=4 ") ?? false)
    }

    /// What is no request costs as much as one. Who wants to go is let go.
    @Test func whatIsNoRequestCounts() throws {
        var peer = try peer(.requestsPerSecond, hard: 3)
        try peer.advance(milliseconds: 1000)
        let lines = try peer.say("nonsense", "ping 1", "#7 mm.create x=", "nonsense", "ping", "#8 bogus", as: "P")
        #expect(lines.map { $0.prefix(8) } == ["- NOVERB", "- BADARG", "-7 SYNTA", "- BUSY E", "- BUSY E", "-8 BUSY "])
        #expect(try peer.say("quit", as: "P") == ["+", "* bye QUIT"])
    }

    /// Where nothing is allowed nothing is, and no number is divided by.
    @Test func noneAtAll() throws {
        var peer = EnginePeer(policy: policy([.requestsPerSecond: .init(hard: 0), .residentBytes: .init(hard: 0)]))
        #expect(try peer.say("ping", as: "P").first?.hasPrefix("- BUSY EBUSY retry-after=1000") ?? false)
        try peer.advance(milliseconds: 100_000)
        #expect(try peer.say("ping", as: "P").first?.hasPrefix("- BUSY") ?? false)
        try peer.adopt(policy([.requestsPerSecond: .init(hard: .max), .residentBytes: .init(hard: 0)]))
        try peer.say("mm.create", "mmap 1 0x10000 1p", as: "P")
        #expect(try peer.say("write 1 0x10000 x", as: "P").first?.hasPrefix("- LIMIT EDQUOT va=0x10000") ?? false)
    }

    // MARK: Soft bounds

    @Test func theNoteComesOnce() throws {
        var peer = try peer(.residentBytes, soft: 2 << 12, hard: 8 << 12)
        try peer.say("hello enable=quota", as: "P")
        try peer.say("hello enable=lease", as: "Q")
        try peer.say("mm.create", "mmap 1 0x10000 8p", as: "P")
        #expect(try peer.say("write 1 0x10000 x len=2p", as: "P") == ["+ n=8192"])
        let note = "* note : quota resident-bytes passed: use=12288 soft=8192 hard=32768 unit=bytes"
        #expect(try peer.say("write 1 0x12000 x", as: "P") == ["+ n=1", note])
        #expect(try peer.say("write 1 0x13000 x", as: "P") == ["+ n=1"])
        // Within it again, but not by a tenth: nobody hears each time who goes back and forth.
        #expect(try peer.say("munmap 1 0x12000 2p", "write 1 0x14000 x", as: "P").count == 2)
        #expect(try peer.say("munmap 1 0x14000 1p", "munmap 1 0x11000 1p", as: "P").count == 2)
        #expect(try peer.say("write 1 0x15000 x len=2p", as: "P") == ["+ n=8192", note])
        #expect(peer.heard("Q") == [])
    }

    /// There is room below a bound when a tenth of it is free, or one if a tenth is less.
    @Test(arguments: [(0, 0), (1, 0), (9, 8), (20, 18), (29, 27)]) func roomBelowASoftBound(
        _ soft: Int, _ room: Int
    ) throws {
        var peer = try peer(.spaces, soft: UInt64(soft))
        try peer.say("hello enable=quota", as: "P")
        var spaces: [Substring] = []
        /// Notes on the way to so many address spaces.
        func notes(onTheWayTo count: Int) throws -> Int {
            var lines: [String] = []
            while spaces.count > count { lines += try peer.say("mm.drop \(spaces.removeLast())", as: "P") }
            while spaces.count < count {
                let answer = try peer.say("mm.create", as: "P")
                spaces.append(answer[0].dropFirst("+ mm=".count))
                lines += answer
            }
            return lines.count { $0.hasPrefix("* note") }
        }
        #expect(try notes(onTheWayTo: soft) == 0)
        #expect(try notes(onTheWayTo: soft + 2) == 1)
        #expect(try notes(onTheWayTo: room + 1) == 0)
        #expect(try notes(onTheWayTo: soft + 1) == 0)
        #expect(try notes(onTheWayTo: room) == 0)
        #expect(try notes(onTheWayTo: soft + 1) == 1)
    }

    /// Who comes to want the notes is told what has been passed already: that, and once.
    @Test func helloTellsOfBoundsThatHaveBeenPassed() throws {
        var peer = EnginePeer(policy: policy([.spaces: .init(soft: 1), .devices: .init(soft: 1)]))
        try peer.say("mm.create", "mm.create", "dev.create gpu0", as: "P")
        let note = "* note : quota spaces passed: use=2 soft=1 hard=1024 unit=address-spaces"
        let greeting = "+ version=1 tenant=ci session=c1 role=admin"
        #expect(try peer.say("hello enable=lease", as: "P") == [greeting])
        #expect(try peer.say("hello enable=quota", as: "P") == [greeting, note])
        #expect(try peer.say("hello enable=quota", "ping", as: "P") == [greeting, "+"])
        #expect(try peer.say("hello enable=quota", as: "Q").last == note)
        #expect(peer.heard("P") == [])
        // What is passed in the same moment is told once, too.
        try peer.adopt(policy([.requestsPerSecond: .init(soft: 0)]))
        #expect(try peer.say("hello enable=quota", as: "R").count == 2)
    }

    /// The engine knows of it what it is told.
    @Test func unsentBytesPastTheirSoftBound() throws {
        var peer = EnginePeer(policy: policy([.unsentBytes: .init(soft: 1000, hard: 5000)]))
        try peer.say("hello enable=quota", as: "P")
        #expect(try row(.unsentBytes, &peer) == "= name=unsent-bytes use=0 soft=1000 hard=5000 unit=bytes")
        try peer.tellUnsent(1000)
        #expect(peer.heard("P") == [])
        try peer.tellUnsent(1001)
        #expect(peer.heard("P") == ["* note : quota unsent-bytes passed: use=1001 soft=1000 hard=5000 unit=bytes"])
        #expect(try row(.unsentBytes, &peer)?.contains(" use=1001 ") ?? false)
        try peer.adopt(TenantPolicy())
        #expect(try row(.unsentBytes, &peer) == "= name=unsent-bytes soft=none hard=none unit=bytes")
    }

    @Test(arguments: [
        (QuotaResource.spaces, "mm.create", 1), (.devices, "dev.create gpu1", 1),
        (.regions, "region.create gpu0 1p", 0),
        (.mirrors, "mirror 1 gpu0", 0),
    ])
    func softBoundsOfThings(_ resource: QuotaResource, _ line: String, _ soft: UInt64) throws {
        var peer = try peer(resource, soft: soft)
        try peer.say("hello enable=quota", "mm.create", "dev.create gpu0", as: "P")
        let lines = try peer.say(line, as: "P")
        #expect(lines.count == 2 && lines[0].hasPrefix("+"))
        #expect(
            lines.last?.hasPrefix("* note : quota \(resource.rawValue) passed: use=\(soft + 1) soft=\(soft) hard=")
                ?? false)
    }

    @Test func softBoundsOfConnectionsAndRequests() throws {
        var peer = EnginePeer(
            policy: policy([
                .connections: .init(soft: 1), .requestsPerSecond: .init(soft: 2), .requestsInFlight: .init(soft: 0),
            ]))
        try peer.say("hello enable=quota", as: "P")
        try peer.connect("Q", tenant: "ci")
        #expect(
            peer.heard("P") == ["* note : quota connections passed: use=2 soft=1 hard=16384 unit=connections"])
        let note = "* note : quota requests-per-second passed: use=3 soft=2 hard=none unit=requests-per-second"
        // A soft bound refuses nothing, however often it is passed.
        #expect(try peer.say("ping", "ping", "ping", "ping", as: "P") == ["+", "+", note, "+", "+"])
        try peer.advance(milliseconds: 1500)
        #expect(try peer.say("ping", "ping", "ping", as: "P") == ["+", "+", "+", note])
        try peer.advance(milliseconds: 1500)
        try peer.say("mm.create", "dev.create gpu0", as: "P")
        try peer.advance(milliseconds: 1500)
        try peer.say("mmap 1 0x10000 1p", "write 1 0x10000 x", as: "P")
        try peer.advance(milliseconds: 1500)
        try peer.say("mirror 1 gpu0", as: "Q")
        #expect(
            try peer.say("munmap 1 0x10000 1p", as: "P")
                == ["* note : quota requests-in-flight passed: use=1 soft=0 hard=none unit=requests"])
    }

    // MARK: Another policy

    /// That a bound had been passed which is no more says nothing of the one that comes.
    @Test func aBoundThatComesAnewIsToldAnew() throws {
        var peer = try peer(.spaces, soft: 0)
        try peer.say("hello enable=quota", as: "P")
        let note = "* note : quota spaces passed: use=1 soft=0 hard=1024 unit=address-spaces"
        #expect(try peer.say("mm.create", as: "P") == ["+ mm=1", note])
        try peer.adopt(TenantPolicy())
        try peer.adopt(policy([.spaces: .init(soft: 0)]))
        #expect(peer.heard("P") == [note])
    }

    @Test func aLoweredBoundTakesNothingAway() throws {
        var peer = EnginePeer()
        try peer.say("hello enable=quota", "mm.create", "mm.create", "mmap 1 0x10000 8p", as: "P")
        try peer.say("write 1 0x10000 abcd len=4p", as: "P")
        try peer.adopt(policy([.residentBytes: .init(soft: 1 << 12, hard: 2 << 12), .spaces: .init(hard: 1)]))
        #expect(
            peer.heard("P") == ["* note : quota resident-bytes passed: use=16384 soft=4096 hard=8192 unit=bytes"])
        #expect(try peer.say("read 1 0x10000 4", as: "P").first == #"= data="abcd""#)
        #expect(try peer.say("write 1 0x10000 z len=4p", as: "P") == ["+ n=16384"])
        try expectRefusal(&peer, after: [], of: "write 1 0x14000 x")
        try expectRefusal(&peer, after: ["mm.drop 2"], of: "mm.create")
        try expectRefusal(&peer, after: ["munmap 1 0x10000 2p"], of: "write 1 0x14000 x")
        #expect(try peer.say("munmap 1 0x12000 1p", "write 1 0x14000 x", as: "P").contains("+ n=1"))
        // Raised beyond the protocol's limits it ends there.
        try peer.adopt(policy([.residentBytes: .init(hard: .max)]))
        #expect(try row(.residentBytes, &peer)?.hasSuffix(" soft=none hard=4294967296 unit=bytes") ?? false)
        #expect(try peer.say("write 1 0x14000 x len=4p", as: "P") == ["+ n=16384"])
    }

    /// A feature may be taken from a tenant that uses it: what is open can be finished, and what is held given back, so
    /// that nobody waits for ever.
    @Test func whatIsHeldCanBeGivenBack() throws {
        var peer = EnginePeer()
        try peer.say("mm.create", "dev.create gpu0", "region.create gpu0 8p", "mmap 1 0x10000 8p", as: "P")
        try peer.say("write 1 0x10000 hello len=3p", as: "P")
        try peer.say("mirror 1 gpu0", "hmm.mirror-register 1 gpu0", "hmm.device-new umbrella", as: "D")
        try peer.say("migrate.begin 1 0x10000 1p device", "migrate.begin 1 0x11000 1p device", as: "D")
        #expect(try peer.say("#w write 1 0x10000 x", as: "Q") == [])
        var strict = TenantPolicy()
        strict.restrictions.features = []
        strict.restrictions.enforcesLicence = true
        try peer.adopt(strict)
        #expect(try peer.say("hello licence=proprietary", as: "D").count == 1)
        #expect(try peer.say("migrate.begin 1 0x12000 1p device", as: "D").first?.hasPrefix("- GATED") ?? false)
        for line in [
            "migrate.copy 1", "migrate.finish 1", "migrate.abort 2", "mirror.drop 1", "hmm.mirror-unregister 2",
            "hmm.device-put umbrella", "region.remove 1",
        ] {
            let answer = try peer.say(line, as: "D")
            #expect(answer.contains { $0.hasPrefix("+") }, "\(line): \(answer)")
        }
        #expect(peer.heard("Q").last == "+w n=1")
        #expect(try peer.say("hmm.vma-range-done 9", as: "D").first?.hasPrefix("- NORANGE") ?? false)
        #expect(try peer.say("to-ram 9", as: "D").first?.hasPrefix("- NOEVENT") ?? false)
        #expect(try peer.say("help mirror.drop", as: "D").first?.hasPrefix("= verb=mirror.drop") ?? false)
    }

    /// What a tenant has denied itself it goes on without; what the server denies comes and goes.
    @Test func restrictionsChange() throws {
        var peer = EnginePeer()
        try peer.say("mm.create", "dev.create gpu0", "config without=device-public", as: "P")
        var strict = TenantPolicy()
        strict.restrictions.features = [.devicePrivate, .devicePublic]
        try peer.adopt(strict)
        #expect(try peer.say("mirror 1 gpu0", as: "P").first?.hasPrefix("- GATED ENOSYS") ?? false)
        #expect(
            try peer.say("config", as: "P") == ["+ hmm-mirror=n device-private=y device-public=n enforce-licence=no"])
        try peer.adopt(TenantPolicy())
        #expect(
            try peer.say("config", as: "P") == ["+ hmm-mirror=y device-private=y device-public=n enforce-licence=no"])
    }
}
