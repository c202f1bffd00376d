import HMMEngine
import HMMProtocol
import Testing

/// Requests that concern many areas, mappings or mirrors: they are cut, and twice as many cost twice as much.
@Suite struct ManyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let request: String
        /// Once.
        let before: [String]
        /// For each of the many: `@` is a page of its own, `@+` the one behind it, `~` one of those in a row, and `%`
        /// the protection of every other one.
        let each: [String]

        init(_ request: String, _ before: [String], _ each: String...) {
            self.request = request
            self.before = before
            self.each = each
        }

        var testDescription: String { "\(request) after \(each.last ?? "")" }
    }

    private static let device = ["mm.create", "dev.create gpu0", "dev.create gpu1", "region.create gpu0 16m"]
    private static let area = device + ["mmap 1 0x10000000 16m", "write 1 0x10000000 len=4p pattern=41"]
    private static let mirrors = "mirror 1 gpu0 0x10000000 16m ack=auto"

    private static let cases = [
        Case("file.truncate f 0", device + ["file.create f 4096"], "mmap 1 @ 1p kind=file-shared file=f"),
        Case(
            "migrate 1 0x40000000 1p gpu0", device + ["file.create f 4096"], "mmap 1 @ 1p kind=file-shared file=f",
            "write 1 @ x"),
        Case("migrate 1 0x10000000 4p gpu0", area, "mm.fork 1"),
        Case("evict gpu0", area + ["migrate 1 0x10000000 4p gpu0"], "mm.fork 1"),
        Case("mm.reap 1", device, "mmap 1 @ 1p"),
        Case("mm.fork 1", device, "mmap 1 @ 1p", "write 1 @ x"),
        // Neighbours that never become one.
        Case("migrate 1 0x40000000 #p gpu0", device, "mmap 1 ~ 1p kind=anon-shared", "mprotect 1 ~ 1p %"),
        Case("migrate 1 0x10000000 4p gpu0", area, mirrors),
        // As many areas as mirrors, of which none is of any of them.
        Case("mm.reap 1", device, "mmap 1 @ 1p", "mirror 1 gpu0 @+ 1p"),
        Case("mm.fork 1", device, "mmap 1 @ 1p", "write 1 @ x", "mirror 1 gpu0 @+ 1p ack=auto"),
    ]

    @Test(arguments: cases) func twiceAsMany(_ case: Case) throws {
        let few = try course(`case`, 300)
        let many = try course(`case`, 600)
        #expect(many.work < few.work * 5 / 2)
        // An announcement, a page copied, and what of all mirrors is done at once.
        #expect(many.longest < Self.slice + 600 * 48)
        #expect(many.slices > 4)
    }

    private static let slice: UInt64 = 1000

    private func course(_ case: Case, _ count: Int) throws -> Course {
        var limits = Limits()
        limits.slice = Self.slice
        var tenant = ManyTenant(limits)
        for line in `case`.before { try #require(tenant.ask(line).answer.hasPrefix("+"), "\(line)") }
        for number in 0..<count {
            for line in `case`.each {
                let page = 0x4000_0000 + number * 0x2000
                let line = line.replacing("@+", with: "\(page + 0x1000)").replacing("@", with: "\(page)")
                    .replacing("~", with: "\(0x4000_0000 + number * 0x1000)")
                    .replacing("%", with: number % 2 == 0 ? "r" : "rw")
                try #require(tenant.ask(line).answer.hasPrefix("+"), "\(line)")
            }
        }
        let course = tenant.ask(`case`.request.replacing("#", with: "\(count)"))
        #expect(course.answer.hasPrefix("+"))
        #expect(tenant.engine.violations() == [])
        return course
    }

    struct Course {
        var answer = ""
        /// Inputs until all was done.
        var slices = 0
        /// Work of all of them, and of the longest, in units.
        var work: UInt64 = 0
        var longest: UInt64 = 0
    }
}

/// An engine with one connection.
private struct ManyTenant: ~Copyable {
    var engine: Engine

    init(_ limits: Limits) {
        engine = Engine(limits: limits)
        let tenant = ShortName("ci") ?? .none
        _ = take(.connected(ConnectionID(rawValue: 1), Principal(tenant: tenant, authentication: .mutualTLS)))
    }

    mutating func ask(_ line: String) -> ManyTests.Course {
        var reader = RequestReader(limits: Limits())
        var offset = 0
        let item = Array((line + "\n").utf8).withUnsafeBytes { reader.next($0, &offset) }
        guard case .request(let tag, let request) = item else { return ManyTests.Course(answer: "no request: \(line)") }
        return take(.request(ConnectionID(rawValue: 1), tag, request))
    }

    mutating func take(_ input: Input) -> ManyTests.Course {
        var course = ManyTests.Course()
        var input = input
        repeat {
            var effects = Effects()
            let before = engine.spent
            engine.handle(input, at: Instant(nanoseconds: 1), into: &effects)
            course.slices += 1
            course.work += engine.spent - before
            course.longest = max(course.longest, engine.spent - before)
            let text = String(decoding: Array(effects.text.bytes), as: UTF8.self)
            course.answer =
                text.split(separator: "\n").last { $0.hasPrefix("+") || $0.hasPrefix("-") }
                .map(String.init) ?? course.answer
            input = .tick
        } while engine.isCut
        return course
    }
}
