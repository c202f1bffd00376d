import HMMEngine
import HMMHarness
import HMMProtocol
import Testing

/// Numbers that clients choose: they cost what is there, not what is named, and stop at the limits.
@Suite struct BoundsTests {
    private static let end = 0x7fff_ffff_f000

    private func peer(_ limits: Limits = Limits()) throws -> EnginePeer {
        var peer = EnginePeer(limits: limits)
        try peer.say("mm.create", "dev.create gpu0", "dev.create gpu1", "region.create gpu0 3p", as: "P")
        try peer.say("mirror 1 gpu0 ack=auto", as: "M")
        _ = peer.heard("P")
        return peer
    }

    @Test func theWholeAddressSpace() throws {
        var peer = try peer()
        let all = Self.end - 0x10000
        #expect(try peer.say("mmap 1 0x10000 \(all)", as: "P") == ["+ va=0x10000 len=\(all) prot=rw kind=anon-private"])
        try peer.say("write 1 0x10000 a", "write 1 \(Self.end - 1) z", as: "P")
        #expect(
            try peer.say("snapshot 1 0 \(Self.end)", as: "M").map { $0.prefix(while: { $0 != "f" }) } == [
                "= va=0x0 pages=16 kind=error", "= va=0x10000 pages=1 kind=ram perm=rw p",
                "= va=0x11000 pages=34359738349 kind=none", "= va=0x7", "+ pages=34359738367 seq=1",
            ])
        #expect(
            try peer.say("migrate 1 0x10000 \(all) gpu0", as: "M").last
                == "+ moved=3 stayed=34359738348 acked=0 fenced=0 seq=6")
        #expect(try peer.say("migrate 1 0x10000 \(all) system", as: "M").last?.hasPrefix("+ moved=3 ") ?? false)
        #expect(try peer.say("mprotect 1 0x10000 \(all) r", as: "P").last?.hasPrefix("+ pages=4 ") ?? false)
        #expect(try peer.say("munmap 1 0 \(Self.end)", as: "P").last?.hasPrefix("+ pages=4 ") ?? false)
        #expect(peer.framesUsed == 0)
    }

    @Test(arguments: [
        "mmap 1 0x7ffffffff000 1p", "mmap 1 0x10000 0x7fffffff0000", "mmap 1 0xfffffffffffff000 1p",
        "mmap 1 len=0xffffffffffffffff", "munmap 1 0x7fffffffe000 2p", "munmap 1 0x1000 0xfffffffffffff000",
        "mprotect 1 0xfffffffffffff000 4096 r", "read 1 0xffffffffffffffff 1", "read 1 0x7ffffffff000 1",
        "write 1 0x7fffffffefff ab", "write 1 0xffffffffffffffff a", "write 1 0 a len=0xffffffffffffffff",
        "migrate 1 0x7fffffffe000 2p gpu0", "mirror 1 gpu0 0xfffffffffffff000", "mirror 1 gpu0 0x7ffffffff000",
        "mirror 1 gpu0 0 0xfffffffffffff000",
    ])
    func outsideTheAddressSpace(_ line: String) throws {
        var peer = try peer()
        #expect(try peer.say(line, as: "P").first?.hasPrefix("- BADARG EINVAL") ?? false)
    }

    @Test func theLastPageIsAPage() throws {
        var peer = try peer()
        try peer.say("mmap 1 0x7fffffffe000 1p", as: "P")
        #expect(try peer.say("write 1 0x7fffffffe000 ab len=1p", as: "P") == ["+ n=4096"])
        #expect(try peer.say("dev.write 1 0x7fffffffefff z", as: "M") == ["+ n=1 faults=1"])
        #expect(try peer.say("fault 1 0x7fffffffe000 1p", as: "M").count == 2)
        #expect(try peer.say("read 1 0x7fffffffeffe 2", as: "P").first == #"= data="az""#)
        #expect(try peer.say("munmap 1 0x7fffffffe000 1p", as: "P").last?.hasPrefix("+ pages=1 ") ?? false)
    }

    /// Zero pages have no frames: a fault of them is bounded by itself.
    @Test func aFaultIsBounded() throws {
        var limits = Limits()
        limits.residentBytes = 1 << 20
        var peer = try peer(limits)
        try peer.say("mmap 1 0x10000 1t", as: "P")
        #expect(try peer.say("fault 1 0x10000 257p", as: "M").first?.hasPrefix("- LIMIT EDQUOT va=0x10000 : ") ?? false)
        #expect(try peer.say("fault 1 0x10000 256p", as: "M").last == "+ pages=256 seq=1")
    }

    /// What does not fit is refused before it takes a frame, and says where the last one would have gone.
    @Test func aStoreStopsAtTheLimit() throws {
        var limits = Limits()
        limits.residentBytes = 8 << 12
        var peer = try peer(limits)
        try peer.say("mmap 1 0x10000 1t", as: "P")
        #expect(try peer.say("write 1 0x10000 a len=1t", as: "P").first?.hasPrefix("- LIMIT EDQUOT") ?? false)
        #expect(try peer.say("dev.write 1 0x10000 a len=9p", as: "M").first?.hasPrefix("- LIMIT EDQUOT") ?? false)
        #expect(peer.framesUsed == 0)
        try peer.say("write 1 0x10000 a", as: "P")
        #expect(
            try peer.say("write 1 0x11000 a len=8p", as: "P").first?.hasPrefix("- LIMIT EDQUOT va=0x18000 : ") ?? false)
        #expect(peer.framesUsed == 1)
        #expect(
            try peer.say("dev.write 1 0x11000 a len=8p", as: "M").first?.hasPrefix("- LIMIT EDQUOT va=0x18000")
                ?? false)
        #expect(peer.framesUsed == 1)
        #expect(try peer.say("write 1 0x10000 abc len=8p", as: "P") == ["+ n=32768"])
        #expect(try peer.say("read 1 0x17ffc 4 as=hex", as: "P").first == "= data=hex:62636162")
    }

    /// A file's pages count as all others, and what cannot be written leaves the file as it was.
    @Test func filesStopAtTheLimit() throws {
        var limits = Limits()
        limits.residentBytes = 4 << 12
        limits.fileBytes = 1 << 20
        limits.files = 2
        var peer = try peer(limits)
        func answer(_ line: String) throws -> String { String(try peer.say(line, as: "P").last?.prefix(14) ?? "") }
        #expect(try answer("file.create a \(1 << 20)") == "+ file=a len=1")
        #expect(try answer("file.create b \((1 << 20) + 1)") == "- LIMIT EDQUOT")
        #expect(try answer("file.truncate a \((1 << 20) + 1)") == "- LIMIT EDQUOT")
        #expect(try answer("file.write a 1048575 ab") == "- LIMIT EDQUOT")
        #expect(try answer("file.write a 1048575 a") == "+ n=1")
        #expect(try answer("file.create b 4p pattern=41") == "- LIMIT EDQUOT")
        #expect(try answer("file.create b 3p pattern=41") == "+ file=b len=1")
        #expect(peer.framesUsed == 4)
        #expect(try answer("file.create c 0") == "- LIMIT EDQUOT")
        #expect(try answer("file.remove b") == "+")
        #expect(peer.framesUsed == 1)
        #expect(try answer("file.create c 0") == "+ file=c len=0")
    }

    /// Kernel: a short write; here nothing is written, and so nothing is kept.
    @Test func aRefusedFileWriteKeepsNothing() throws {
        var limits = Limits()
        limits.residentBytes = 4 << 12
        var peer = try peer(limits)
        try peer.say("file.create a 0", "mmap 1 0x10000 1p", "write 1 0x10000 x", as: "P")
        let answer = try peer.say("file.write a 0 pattern=41 len=4p", as: "P").first
        #expect(answer?.hasPrefix("- LIMIT EDQUOT") ?? false)
        #expect(try peer.say("file.list", as: "P").first == "= file=a len=0 pages=0 maps=0")
        #expect(peer.framesUsed == 1)
    }

    @Test func pinsAndHugePagesStopAtTheLimit() throws {
        var limits = Limits()
        limits.pins = 1
        limits.hugetlbPages = 1
        limits.residentBytes = 4 << 20
        var peer = try peer(limits)
        try peer.say("mmap 1 0x10000 1g", as: "P")
        func answer(_ line: String) throws -> String { String(try peer.say(line, as: "P").last?.prefix(14) ?? "") }
        #expect(try answer("pin 1 0x10000 1025p mode=get") == "- LIMIT EDQUOT")
        #expect(try answer("pin 1 0x10000 1024p mode=get") == "+ pin=1 pages=")
        #expect(try answer("pin 1 0x10000 1p") == "- LIMIT EDQUOT")
        #expect(try answer("unpin 1").hasPrefix("+ pages="))
        #expect(try answer("pin 1 0x10000 1p") == "+ pin=2 pages=")
        #expect(try answer("mmap 1 len=4m kind=hugetlb") == "- NOSPACE ENOM")
        #expect(try answer("mmap 1 0x80000000 2m kind=hugetlb") == "+ va=0x8000000")
        #expect(try answer("mmap 1 len=1 kind=hugetlb") == "- NOSPACE ENOM")
        #expect(try answer("munmap 1 0x80000000 2m").hasPrefix("+ pages="))
        #expect(try answer("mmap 1 len=1 kind=hugetlb").hasPrefix("+ va="))
    }

    /// A page counts as often as it is pinned: each pin lists it anew.
    @Test func pinnedPagesStopAtTheLimit() throws {
        var limits = Limits()
        limits.pinnedPages = 5
        var peer = try peer(limits)
        try peer.say("mmap 1 0x10000 1g", as: "P")
        func answer(_ line: String) throws -> String { String(try peer.say(line, as: "P").last?.prefix(14) ?? "") }
        #expect(try answer("pin 1 0x10000 6p mode=get") == "- LIMIT EDQUOT")
        #expect(try answer("pin 1 0x10000 3p mode=get") == "+ pin=1 pages=")
        #expect(try answer("pin 1 0x10000 3p mode=get") == "- LIMIT EDQUOT")
        #expect(try answer("pin 1 0x10000 2p mode=get") == "+ pin=2 pages=")
        #expect(try answer("unpin 1") == "+ pages=3")
        #expect(try answer("pin 1 0x10000 3p mode=get") == "+ pin=3 pages=")
    }

    @Test func aDeadlineIsBounded() throws {
        var limits = Limits()
        limits.deadlineMilliseconds = 2000
        var peer = try peer(limits)
        #expect(try peer.say("dev.create gpu2 deadline=2001", as: "P").first?.hasPrefix("- BADARG") ?? false)
        #expect(try peer.say("dev.create gpu2 deadline=2000", as: "P") == ["+ dev=gpu2"])
    }

    /// Who has reached the limit still gets at his memory, wherever it is.
    @Test func movingTakesNothing() throws {
        var limits = Limits()
        limits.residentBytes = 4 << 12
        var peer = try peer(limits)
        try peer.say("mmap 1 0x10000 8p", "write 1 0x10000 abcd len=4p", as: "P")
        #expect(
            try peer.say("migrate 1 0x10000 4p gpu0", as: "M").map { $0.prefix(31) } == [
                "= va=0x10000 pages=3 result=mov", "= va=0x13000 pages=1 result=sta", "+ moved=3 stayed=1 acked=0 fenc",
            ])
        #expect(try peer.say("read 1 0x10000 4", as: "P").first == #"= data="abcd""#)
        #expect(try peer.say("migrate 1 0x10000 4p system", as: "M").last?.hasPrefix("+ moved=2 ") ?? false)
        // A hole needs a frame, and there is none; a zero page neither gets one.
        #expect(
            try peer.say("migrate 1 0x14000 1p gpu0", as: "M").first
                == "= va=0x14000 pages=1 result=stayed reason=no-space")
        try peer.say("read 1 0x14000 1", as: "P")
        #expect(try peer.say("write 1 0x14000 x", as: "P").first?.hasPrefix("- LIMIT EDQUOT va=0x14000") ?? false)
        #expect(peer.framesUsed == 4)
    }

    /// At the limit of areas what makes none more is done, and an area can still go.
    @Test func theLimitOfAreas() throws {
        var limits = Limits()
        limits.areas = 4
        var peer = try peer(limits)
        for index in 0..<4 { try peer.say("mmap 1 \(0x100000 * (index + 1)) 4p", as: "P") }
        func isRefused(_ line: String) throws -> Bool {
            try peer.say(line, as: "P").first?.hasPrefix("- LIMIT ") ?? false
        }
        #expect(try isRefused("mmap 1 len=1p"))
        #expect(try isRefused("munmap 1 0x101000 1p"))
        #expect(try isRefused("mprotect 1 0x100000 1p r"))
        #expect(try isRefused("mprotect 1 0x103000 0xff000 r"))
        #expect(try !isRefused("mprotect 1 0x100000 4p r"))
        #expect(try !isRefused("mprotect 1 0x101000 1p r"))
        #expect(try !isRefused("munmap 1 0x102000 2p"))
        #expect(try !isRefused("munmap 1 0x200000 4p"))
        #expect(try !isRefused("munmap 1 0x301000 1p"))
        #expect(try isRefused("munmap 1 0x401000 1p"))
    }

    @Test func pendingFitsInAnAnswer() throws {
        var limits = Limits()
        limits.answerBytes = 600
        var peer = try peer(limits)
        try peer.say("mmap 1 0x10000 2p", as: "P")
        try peer.say("mirror 1 gpu1", as: "N")
        for index in 0..<40 { try peer.say("#\(index) munmap 1 0x10000 2p", as: "P") }
        let lines = try peer.say("pending", as: "N").filter { !$0.hasPrefix("!") }
        #expect(lines.last == "+ rows=40")
        #expect((4..<20).contains(lines.count))
    }

    /// A queue of small requests does not become one piece of endless answers, and keeps its order all the same.
    @Test(arguments: ["", "#"]) func answersComeInPieces(_ mark: String) throws {
        var limits = Limits()
        limits.answerBytes = 10_000
        var peer = try peer(limits)
        try peer.say("mmap 1 0x10000 1p", "write 1 0x10000 a len=1p", as: "P")
        try peer.say("mirror 1 gpu1", as: "N")
        _ = try peer.say("#p mprotect 1 0x10000 1p r", as: "P")
        for index in 0..<100 { try peer.say("\(mark.isEmpty ? "" : "#\(index) ")read 1 0x10000 4096", as: "Q") }
        try peer.say("ack 1", as: "N")
        var lines = peer.heard("Q")
        if mark.isEmpty { lines += try peer.say("ping", as: "Q") }
        #expect(peer.longestText < limits.answerBytes + 4200)
        let ends = lines.filter { $0.hasPrefix("+") }
        #expect(
            ends
                == (mark.isEmpty ? Array(repeating: "+ n=4096", count: 100) + ["+"] : (0..<100).map { "+\($0) n=4096" })
        )
    }

    /// Neither do the events of one large request, however many mirrors are told.
    @Test func eventsComeInPieces() throws {
        var limits = Limits()
        limits.answerBytes = 10_000
        var peer = try peer(limits)
        try peer.say("mmap 1 0x10000 64p", as: "P")
        for _ in 0..<9 { try peer.say("mirror 1 gpu1 ack=auto", as: "M") }
        try peer.say("fault 1 0x10000 64p", as: "M")
        let lines = try peer.say("write 1 0x10000 a len=64p", "ping", as: "P")
        #expect(lines == ["+ n=262144", "+"])
        #expect(peer.heard("M").count == 640)
        #expect(peer.longestText < 3 * limits.answerBytes)
    }

    @Test func everyLimitOfThings() throws {
        var limits = Limits()
        limits.spaces = 1
        limits.devices = 2
        limits.regions = 1
        limits.mirrors = 1
        limits.connections = 2
        limits.leaseMilliseconds = 10
        var peer = EnginePeer(limits: limits)
        try peer.say(
            "mm.create", "dev.create gpu0", "dev.create gpu1", "region.create gpu0 1p", "mirror 1 gpu0 lease=10",
            as: "P")
        for line in ["mm.create", "mm.fork 1", "dev.create gpu2", "region.create gpu0 1p", "mirror 1 gpu0 lease=10"] {
            #expect(try peer.say(line, as: "P").first?.hasPrefix("- LIMIT EDQUOT") ?? false, "\(line)")
        }
        try peer.say("mirror.drop 1", as: "P")
        #expect(try peer.say("mirror 1 gpu0 lease=11", as: "P").first?.hasPrefix("- BADARG") ?? false)
        try peer.connect("Q", tenant: "ci")
        try peer.connect("R", tenant: "ci")
        #expect(peer.heard("R").last == "* bye LIMIT")
    }

    @Test func deviceMemoryIsPromisedUpToALimit() throws {
        var peer = try peer()
        #expect(try peer.say("region.create gpu0 256g", as: "P").first?.hasPrefix("- LIMIT") ?? false)
        #expect(try peer.say("region.create gpu0 0xfffffffffffff000", as: "P").first?.hasPrefix("- LIMIT") ?? false)
        let rest = (256 << 30) - (3 << 12)
        #expect(try peer.say("region.create gpu1 \(rest)", as: "P").last?.hasSuffix("pages=67108861") ?? false)
        #expect(try peer.say("region.create gpu1 1p", as: "P").first?.hasPrefix("- LIMIT") ?? false)
    }
}
