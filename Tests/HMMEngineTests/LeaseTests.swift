import HMMProtocol
import Testing

@testable import HMMEngine

/// Leases and the time of drivers run out while much is to be done: one slice after another, and nobody comes between
/// what belongs together.
@Suite struct LeaseTests {
    /// Mirrors that are late are cut off some at a time, however many one request waits for.
    @Test func theEndOfManyLeasesIsCut() {
        var tenant = TimedTenant(slice: 10_000)
        tenant.say("mm.create", "mmap 1 0x10000 1p", "write 1 0x10000 x", "dev.create g", as: 1)
        for _ in 0..<1000 { tenant.say("mirror 1 g lease=100", as: 2) }
        tenant.say("#u munmap 1 0x10000 1p", as: 1)
        let course = tenant.pass(100)
        #expect(course.slices >= 1000 * 256 / 10_000)
        // What is written of each is no work of its own.
        #expect(course.longest < 20_000 && course.longestText < 40 * 64 + 64)
        #expect(tenant.heard(1).last?.contains("acked=0 fenced=1000") ?? false)
        #expect(tenant.heard(2).filter { $0.contains(" fenced mirror=") }.count == 1000)
        #expect(tenant.engine.violations() == [])
    }

    /// A round that waits for mirrors which are late in another's eyes goes on with it.
    @Test func otherRoundsGoOn() {
        var tenant = TimedTenant(slice: 10_000)
        tenant.say("mm.create", "mmap 1 0x10000 4p", "write 1 0x10000 x len=4p", "dev.create g", as: 1)
        for _ in 0..<300 { tenant.say("mirror 1 g lease=100", as: 2) }
        tenant.say("#u munmap 1 0x10000 1p", as: 1)
        _ = tenant.pass(50)
        tenant.say("#v munmap 1 0x12000 1p", as: 1)
        _ = tenant.pass(50)
        #expect(tenant.heard(1).filter { $0.contains("acked=0 fenced=300") }.count == 2)
        #expect(tenant.engine.pendingCount == 0 && tenant.engine.violations() == [])
    }

    /// A migration that times out beside long work: whoever waited for its pages finds them as they were.
    @Test func aMigrationIsUndoneBeforeItsWaitersGoOn() {
        var tenant = TimedTenant(slice: 1000)
        tenant.say(
            "mm.create fail", "mmap 1 0x10000 2p", "write 1 0x10000 a len=2p", "mm.fork 1", "write 1 0x10000 x",
            "dev.create g", "region.create g 1m", "mm.create", "mmap 3 0x40000000 8000p",
            "write 3 0x40000000 a len=8000p", as: 1)
        tenant.say("mirror 1 g ack=auto", as: 2)
        tenant.say("mirror 2 g 0x11000 1p lease=100", "mirror 3 g lease=100", as: 3)
        tenant.say("#a munmap 3 0x40000000 8000p", as: 1)
        tenant.say("#b migrate.begin 1 0x10000 2p device", as: 2)
        tenant.say("#w read 1 0x10000 1", as: 1)
        #expect(tenant.engine.pendingCount == 3)
        _ = tenant.pass(100)
        #expect(tenant.heard(2).last?.hasPrefix("-b TIMEOUT") ?? false)
        let answers = tenant.heard(1)
        #expect(answers.contains("=w data=\"x\"") && answers.contains("+w n=1"))
        #expect(answers.contains { $0.hasPrefix("+a pages=8000") })
        #expect(tenant.engine.violations() == [])
    }

    /// A driver whose time is up, and who is sent away in the same piece of work, is asked no less and no more.
    @Test func aConsultationEndsOnce() {
        var limits = Limits()
        limits.openEvents = 1
        limits.slice = 1
        var tenant = TimedTenant(limits)
        tenant.say("mm.create", "mmap 1 0x10000 3p", "write 1 0x10000 a len=3p", as: 1)
        tenant.say(
            "dev.create g to-ram=client deadline=100 persist=yes", "region.create g 1m", "migrate 1 0x10000 2p g",
            "mirror 1 g lease=1000", as: 2)
        tenant.say("mirror 1 g 0x11000 1p lease=1000", as: 3)
        tenant.say("#z madvise 1 0x12000 1p dontneed", "#r read 1 0x10000 1", "#s read 1 0x11000 1", as: 1)
        #expect(tenant.engine.pendingCount == 3)
        // What the first read says is an event too many for the driver.
        _ = tenant.pass(100)
        #expect(tenant.heard(2).last == "* bye EVENTS")
        #expect(tenant.engine.pendingCount == 1 && tenant.engine.violations() == [])
        _ = tenant.pass(2000)
        let answers = tenant.heard(1)
        #expect(answers.filter { $0 == "+r n=1" }.count == 1 && answers.filter { $0 == "+s n=1" }.count == 1)
        #expect(tenant.engine.pendingCount == 0 && tenant.engine.violations() == [])
    }

    /// What others free a driver hears of in pieces that it can take.
    @Test func freedPagesAreToldInPieces() {
        var limits = Limits()
        limits.answerBytes = 1000
        var tenant = TimedTenant(limits)
        tenant.say("mm.create", "mmap 1 0x10000000 400p", "write 1 0x10000000 a len=400p", as: 1)
        tenant.say(
            "dev.create g free-events=yes", "region.create g 4m", as: 2)
        // Neighbours lie apart on the device.
        for page in Array(stride(from: 0, to: 400, by: 2)) + Array(stride(from: 1, to: 400, by: 2)) {
            tenant.say("migrate 1 \(0x1000_0000 + page * 4096) 1p g", as: 1)
        }
        _ = tenant.heard(2)
        tenant.say("munmap 1 0x10000000 400p", as: 1)
        #expect(tenant.last.longestText < 1100 && tenant.last.slices >= 400 * 35 / 1100)
        let freed = tenant.heard(2).filter { $0.contains(" freed dev=g ") && $0.hasSuffix(" pages=1") }
        #expect(freed.count == 400)
        #expect(!tenant.engine.isCut && tenant.engine.violations() == [])
    }
}

/// An engine with three connections, and time.
private struct TimedTenant: ~Copyable {
    struct Course {
        /// Inputs until all was done.
        var slices = 0
        /// Work of the longest of them, in units.
        var longest: UInt64 = 0
        /// Bytes of the one that said most.
        var longestText = 0
    }

    var engine: Engine
    private var now: UInt64 = 1
    private var lines: [UInt32: [String]] = [:]
    private(set) var last = Course()

    init(slice: UInt64) {
        var limits = Limits()
        limits.slice = slice
        self.init(limits)
    }

    init(_ limits: Limits) {
        engine = Engine(limits: limits)
        let tenant = ShortName("ci") ?? .none
        for id in 1...3 as ClosedRange<UInt32> {
            let connection = ConnectionID(rawValue: id)
            _ = take(.connected(connection, Principal(tenant: tenant, authentication: .mutualTLS)))
        }
        lines = [:]
    }

    mutating func say(_ requests: String..., as connection: UInt32) {
        for line in requests {
            var reader = RequestReader(limits: Limits())
            var offset = 0
            let item = Array((line + "\n").utf8).withUnsafeBytes { reader.next($0, &offset) }
            guard case .request(let tag, let request) = item else {
                Issue.record("no request: \(line)")
                return
            }
            _ = take(.request(ConnectionID(rawValue: connection), tag, request))
        }
    }

    /// So many milliseconds later.
    mutating func pass(_ milliseconds: UInt64) -> Course {
        now += milliseconds * 1_000_000
        last = Course()
        goOn()
        return last
    }

    mutating func take(_ input: Input) -> Course {
        last = Course()
        hand(input)
        goOn()
        return last
    }

    /// What a connection has been sent since it was asked for last.
    mutating func heard(_ connection: UInt32) -> [String] { lines.removeValue(forKey: connection) ?? [] }

    private mutating func goOn() {
        while engine.isCut || engine.nextDeadline.map({ $0 <= Instant(nanoseconds: now) }) ?? false { hand(.tick) }
    }

    private mutating func hand(_ input: Input) {
        var effects = Effects()
        let before = engine.spent
        engine.handle(input, at: Instant(nanoseconds: now), into: &effects)
        last.slices += 1
        last.longest = max(last.longest, engine.spent - before)
        let text = Array(effects.text.bytes)
        last.longestText = max(last.longestText, text.count)
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            let said = String(decoding: text[segment.range], as: UTF8.self).split(separator: "\n").map(String.init)
            lines[segment.connection.rawValue, default: []] += said
        }
    }
}
