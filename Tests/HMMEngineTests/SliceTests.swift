import HMMEngine
import HMMProtocol
import Testing

/// Requests for many pages are done in many slices, none of which is much longer than it should be.
@Suite struct SliceTests {
    /// For 4,096 pages there are eight slices at least: whole tables of 512 pages are done with at once where an entry
    /// is all that is looked at of a page.
    private static let slice: UInt64 = 400

    private static let requests = [
        "write 1 0x10000000 pattern=41 len=16m", "write 1 0x10000000 pattern=ints len=16m",
        "read 1 0x10000000 16m as=pages", "read 1 0x10000000 16m as=ints", "madvise 1 0x10000000 16m dontneed",
        "madvise 1 0x10000000 16m cold", "mmap 1 0x40000000 16m kind=device file=gpu0",
        "mmap 1 0x10000000 16m kind=device file=gpu0 fixed=yes",
        "file.create long 16m pattern=41", "file.write f 0 pattern=41 len=16m", "file.read f 0 16m as=pages",
        "file.read f 0 16m as=ints", "file.truncate f 0", "dev.write 1 0x10000000 pattern=41 len=16m",
        "dev.read 1 0x10000000 16m as=ints", "migrate 1 0x10000000 16m gpu0", "migrate.begin 1 0x10000000 16m device",
        "migrate.copy 1", "migrate.abort 1", "munmap 1 0x10000000 16m", "mm.drop 1", "pin 1 0x10000000 16m", "unpin 1",
        "munmap 1 0x20000000 16m", "file.remove f", "pagemap 1 0x10000000 16m", "snapshot 1 0x10000000 16m",
        "exclusive.held 1 0x10000000 16m", "hmm.vma-get-pfns 2 0x10000000 16m",
    ]

    @Test(arguments: requests) func longWorkIsCut(_ request: String) throws {
        var tenant = Tenant(slice: Self.slice)
        for line in Self.before(request) { try #require(tenant.ask(line).answer.hasPrefix("+"), "\(line)") }
        let course = tenant.ask(request)
        #expect(course.answer.hasPrefix("+"))
        #expect(course.slices >= 8)
        // What cannot be cut: 16 pages as integers, or 2 MiB got from the operating system or given back.
        #expect(course.longest < Self.slice + 2 * 16384)
    }

    /// What a client has sent once is stored again and again, in slices as well.
    @Test(arguments: ["write 1 0x10000000", "dev.write 1 0x10000000", "file.write f 0"])
    func repeatedDataIsCut(_ request: String) throws {
        var tenant = Tenant(slice: Self.slice)
        for line in Self.before("write") + ["\(request) x len=16m"] {
            try #require(tenant.ask(line).answer.hasPrefix("+"), "\(line)")
        }
        let course = tenant.ask("\(request) abc len=16m")
        #expect(course.answer.hasPrefix("+"))
        #expect(course.slices >= 200 && course.longest < Self.slice + 32 * 64)
    }

    /// So is what some drivers store of a write that fails, before anything else happens.
    @Test func whatIsStoredOfAFailedWriteIsCut() throws {
        var tenant = Tenant(slice: Self.slice)
        let lines = [
            "mm.create", "mmap 1 0x10000000 16m", "dev.create d profile=dmirror", "mirror 1 d", "mirror 1 d",
            "dev.write 1 0x10000000 x len=16m",
        ]
        for line in lines { try #require(tenant.ask(line).answer.hasPrefix("+"), "\(line)") }
        let course = tenant.ask("dev.write 1 0x10000000 abc len=4097p")
        #expect(course.answer.hasPrefix("- NOMAP "))
        #expect(course.slices >= 200 && course.longest < Self.slice + 32 * 64)
        #expect(tenant.ask("read 1 0x10fffffe 2").answer == "+ n=2")
        #expect(tenant.ask("read 1 0x10000000 16m as=pages").text.contains("pages=4096 mixed=yes"))
    }

    /// A driver that goes away leaves its migration to the server: that is long work, too.
    @Test func theEndOfADriverIsCut() throws {
        var tenant = Tenant(slice: Self.slice)
        for line in Self.before("migrate.abort 1") { try #require(tenant.ask(line).answer.hasPrefix("+"), "\(line)") }
        let course = tenant.take(.disconnected(ConnectionID(rawValue: 1)))
        #expect(course.slices >= 8)
        #expect(tenant.engine.violations() == [])
    }

    /// Whether there are frames enough is found out before anything is done, and a request that is refused for that has
    /// looked at as much as one that is served.
    @Test(arguments: [("write 1 0x20000000 pattern=41 len=16m", "1025p"), ("file.write f 0 pattern=41 len=20m", "16m")])
    func theLookAheadIsCut(_ request: String, _ length: String) throws {
        var tenant = Tenant(slice: Self.slice, residentBytes: 20 << 20)
        let lines = [
            "mm.create", "mmap 1 0x20000000 16m kind=anon-shared", "file.create f \(length) pattern=41",
            "mmap 1 0x40000000 1p", "write 1 0x40000000 pattern=41 len=1p",
        ]
        for line in lines { try #require(tenant.ask(line).answer.hasPrefix("+"), "\(line)") }
        let course = tenant.ask(request)
        #expect(course.answer.hasPrefix("- LIMIT "))
        #expect(course.slices >= 8 && course.longest < 3 * 1024)
    }

    /// Areas go in batches, and are copied one by one.
    @Test(arguments: [
        "munmap 1 0x10000000 4m", "mm.drop 1", "mm.drop 2", "mm.fork 1", "madvise 1 0x10000000 4m hugepage",
    ])
    func manyAreas(_ request: String) throws {
        var tenant = Tenant(slice: Self.slice)
        for line in ["mm.create", "mmap 1 0x10000000 4m", "write 1 0x10000000 pattern=41 len=4m"] {
            try #require(tenant.ask(line).answer.hasPrefix("+"))
        }
        for page in 0..<500 {
            let address = String(0x1000_0000 + page << 13, radix: 16)
            try #require(tenant.ask("mprotect 1 0x\(address) 1p r").answer.hasPrefix("+"))
        }
        if request == "mm.drop 2" { try #require(tenant.ask("mm.fork 1").answer.hasPrefix("+")) }
        let course = tenant.ask(request)
        #expect(course.answer.hasPrefix("+"))
        #expect(course.slices >= 8)
        #expect(course.longest < Self.slice + 2 * 16384)
        #expect(tenant.engine.violations() == [])
    }

    /// Nothing but the slices tells apart what is asked once and what is asked many times: a look counts as work, one
    /// that has more rows than an answer may have ends early.
    @Test func looksAreWork() throws {
        var tenant = Tenant(slice: 1 << 40)
        for line in Self.before("snapshot 1 0x10000000 16m") { try #require(tenant.ask(line).answer.hasPrefix("+")) }
        for look in ["snapshot 1 0x10000000 16m", "pagemap 1 0x10000000 16m", "exclusive.held 1 0x10000000 16m"] {
            #expect(tenant.ask(look).longest >= 4096, "\(look)")
        }
        var limits = Limits()
        limits.answerBytes = 600
        tenant = Tenant(limits)
        for line in Self.before("snapshot 1 0x10000000 16m") { try #require(tenant.ask(line).answer.hasPrefix("+")) }
        for page in 0..<100 {
            let address = String(0x1000_0000 + page << 13, radix: 16)
            try #require(tenant.ask("mprotect 1 0x\(address) 1p r").answer.hasPrefix("+"))
        }
        for look in ["snapshot 1 0x10000000 16m", "pagemap 1 0x10000000 16m"] {
            let course = tenant.ask(look)
            #expect(course.answer.hasPrefix("- LIMIT ") && course.longest < 2048, "\(look)")
        }
    }

    /// As many failures as there can be are no work for the pages that are not there.
    @Test func failuresOfHoles() throws {
        var tenant = Tenant(slice: Self.slice)
        let lines = [
            "mm.create", "dev.create gpu0", "region.create gpu0 4p", "mmap 1 0x10000000 109951162777600",
            "inject gpu0 0xffffffffffffffff",
        ]
        for line in lines { try #require(tenant.ask(line).answer.hasPrefix("+"), "\(line)") }
        let course = tenant.ask("migrate 1 0x10000000 109951162777600 gpu0")
        #expect(course.answer.hasPrefix("+ moved=0 stayed=26843545600 "), "\(course.answer)")
        try #require(tenant.ask("inject gpu0 3").answer.hasPrefix("+"))
        #expect(tenant.ask("migrate 1 0x10000000 8p gpu0").answer.hasPrefix("+ moved=4 stayed=4 "))
        #expect(tenant.engine.violations() == [])
    }

    /// What only its client could have used goes when nobody hears of it: a copy of an address space, and pins.
    @Test func whatNobodyHearsOf() throws {
        var tenant = Tenant(slice: Self.slice)
        for line in ["mm.create", "mmap 1 0x10000000 16m", "write 1 0x10000000 pattern=41 len=16m", "dev.create g"] {
            try #require(tenant.ask(line).answer.hasPrefix("+"))
        }
        tenant.connect(2)
        try #require(tenant.ask("mirror 1 g", as: 2).answer.hasPrefix("+"))
        #expect(tenant.ask("mm.fork 1").answer.contains(" inval "))
        _ = tenant.take(.disconnected(ConnectionID(rawValue: 1)))
        let fork = tenant.ask("ack 1", as: 2)
        #expect(fork.slices >= 16 && fork.longest < Self.slice + 2 * 16384)
        tenant.connect(3)
        #expect(tenant.ask("mm.create", as: 3).answer == "+ mm=3")
        try #require(tenant.ask("pin 1 0x10000000 16m", as: 3).answer.hasPrefix("+"))
        let end = tenant.take(.disconnected(ConnectionID(rawValue: 3)))
        #expect(end.slices >= 8 && end.longest < Self.slice + 2 * 16384)
        #expect(tenant.engine.violations() == [])
        #expect(tenant.ask("limits", as: 2).answer.hasPrefix("+"))
    }

    /// What has to be there before `request`.
    private static func before(_ request: String) -> [String] {
        var lines = [
            "mm.create", "mmap 1 0x10000000 16m", "dev.create gpu0", "region.create gpu0 16m", "mirror 1 gpu0",
        ]
        lines.append("file.create f 16m" + (request.hasPrefix("file.write") ? "" : " pattern=ints"))
        if !request.hasPrefix("write") { lines.append("write 1 0x10000000 pattern=ints len=16m") }
        if request.hasPrefix("migrate."), request != "migrate.begin 1 0x10000000 16m device" {
            lines.append("migrate.begin 1 0x10000000 16m device")
            if request.hasPrefix("migrate.abort") { lines.append("migrate.copy 1") }
        }
        if request.contains(" 0x20000000 ") {
            lines += ["mmap 1 0x20000000 16m kind=anon-shared", "write 1 0x20000000 pattern=41 len=16m"]
        }
        if ["snapshot", "pagemap", "exclusive.held"].contains(where: request.hasPrefix) {
            lines.append("fault 1 0x10000000 16m w")
        }
        if request == "unpin 1" { lines.append("pin 1 0x10000000 16m") }
        if request.hasPrefix("hmm.") { lines.append("hmm.mirror-register 1 gpu0") }
        return lines
    }
}

/// An engine with a connection, or more.
private struct Tenant: ~Copyable {
    struct Course {
        var answer = ""
        var text = ""
        /// Inputs until all was done.
        var slices = 0
        /// Work of the longest of them, in units.
        var longest: UInt64 = 0
    }

    var engine: Engine

    init(slice: UInt64, residentBytes: UInt64 = Limits().residentBytes) {
        var limits = Limits()
        limits.slice = slice
        limits.residentBytes = residentBytes
        self.init(limits)
    }

    init(_ limits: Limits) {
        engine = Engine(limits: limits)
        connect(1)
    }

    mutating func connect(_ connection: UInt32) {
        let tenant = ShortName("ci") ?? .none
        _ = take(.connected(ConnectionID(rawValue: connection), Principal(tenant: tenant, authentication: .mutualTLS)))
    }

    /// The first connection's mirrors acknowledge by themselves.
    mutating func ask(_ line: String, as connection: UInt32 = 1) -> Course {
        let line = line.hasPrefix("mirror ") && connection == 1 ? line + " ack=auto" : line
        var reader = RequestReader(limits: Limits())
        var offset = 0
        let item = Array((line + "\n").utf8).withUnsafeBytes { reader.next($0, &offset) }
        guard case .request(let tag, let request) = item else { return Course(answer: "no request: \(line)") }
        return take(.request(ConnectionID(rawValue: connection), tag, request))
    }

    mutating func take(_ input: Input) -> Course {
        var course = Course()
        var input = input
        repeat {
            var effects = Effects()
            let before = engine.spent
            engine.handle(input, at: Instant(nanoseconds: 1), into: &effects)
            course.slices += 1
            course.longest = max(course.longest, engine.spent - before)
            let text = String(decoding: Array(effects.text.bytes), as: UTF8.self)
            course.text += text
            course.answer = text.split(separator: "\n").last.map(String.init) ?? course.answer
            input = .tick
        } while engine.isCut
        return course
    }
}
