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
        "file.create long 16m pattern=41", "file.write f 0 pattern=41 len=16m", "file.read f 0 16m as=pages",
        "file.read f 0 16m as=ints", "file.truncate f 0", "dev.write 1 0x10000000 pattern=41 len=16m",
        "dev.read 1 0x10000000 16m as=ints", "migrate 1 0x10000000 16m gpu0", "migrate.begin 1 0x10000000 16m device",
        "migrate.copy 1", "migrate.abort 1", "munmap 1 0x10000000 16m",
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

    /// A driver that goes away leaves its migration to the server: that is long work, too.
    @Test func theEndOfADriverIsCut() throws {
        var tenant = Tenant(slice: Self.slice)
        for line in Self.before("migrate.abort 1") { try #require(tenant.ask(line).answer.hasPrefix("+"), "\(line)") }
        let course = tenant.take(.disconnected(ConnectionID(rawValue: 1)))
        #expect(course.slices >= 8)
        #expect(tenant.engine.violations() == [])
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
        return lines
    }
}

/// An engine with one connection, whose mirrors acknowledge by themselves.
private struct Tenant: ~Copyable {
    struct Course {
        var answer = ""
        /// Inputs until all was done.
        var slices = 0
        /// Work of the longest of them, in units.
        var longest: UInt64 = 0
    }

    var engine: Engine

    init(slice: UInt64) {
        var limits = Limits()
        limits.slice = slice
        engine = Engine(limits: limits)
        let tenant = ShortName("ci") ?? .none
        _ = take(.connected(ConnectionID(rawValue: 1), Principal(tenant: tenant, authentication: .mutualTLS)))
    }

    mutating func ask(_ line: String) -> Course {
        let line = line.hasPrefix("mirror ") ? line + " ack=auto" : line
        var reader = RequestReader(limits: Limits())
        var offset = 0
        let item = Array((line + "\n").utf8).withUnsafeBytes { reader.next($0, &offset) }
        guard case .request(let tag, let request) = item else { return Course(answer: "no request: \(line)") }
        return take(.request(ConnectionID(rawValue: 1), tag, request))
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
            course.answer = text.split(separator: "\n").last.map(String.init) ?? course.answer
            input = .tick
        } while engine.isCut
        return course
    }
}
