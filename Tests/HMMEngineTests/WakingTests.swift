import HMMEngine
import HMMProtocol
import Testing

/// Many requests wait behind one: what frees them takes no longer for each than for a few, and is cut into slices.
@Suite struct WakingTests {
    /// What waits, each for a page of its own or for a place of its own.
    private static let requests = [
        "munmap 1 @ 1p", "madvise 1 @ 1p dontneed", "mprotect 1 @ 1p r", "read 1 @ 1p", "mmap 1 len=1p",
    ]

    @Test(arguments: requests) func aWakeUpIsCut(_ request: String) throws {
        var crowd = try Crowd(waiting: 2000, request)
        let course = crowd.say(crowd.ack, as: Crowd.driver)
        let inputs = crowd.endEverything()
        // Whose page begins a table cuts nothing that could be huge: it needs a round less.
        let first = (1...2000).filter { request.hasPrefix("munmap") && $0 % 256 == 1 }
        let others = (1...2000).filter { !first.contains($0) }
        let isInOrder = crowd.answered == (first + others).map { "t\($0)" }
        #expect(isInOrder)
        #expect(course.slices + inputs.slices >= 2000 * 256 / 65536)
        #expect(max(course.longest, inputs.longest) < 2 * 65536)
    }

    /// A request costs the same whether many wait beside it or few.
    @Test(arguments: requests) func whatOneTakesDoesNotDependOnTheOthers(_ request: String) throws {
        var spent: [Int: UInt64] = [:]
        for count in [400, 1600] {
            var crowd = try Crowd(waiting: count, request)
            let before = crowd.engine.spent
            _ = crowd.say(crowd.ack, as: Crowd.driver)
            _ = crowd.endEverything()
            #expect(crowd.answered.count == count)
            spent[count] = (crowd.engine.spent - before) / UInt64(count)
        }
        #expect(spent[1600, default: .max] < 2 * spent[400, default: 0])
    }

    /// Nor does it cost more to begin to wait.
    @Test(arguments: requests) func waitingIsNoWorkForOthers(_ request: String) throws {
        let few = try Crowd(waiting: 400, request).parking
        let many = try Crowd(waiting: 1600, request).parking
        #expect(many < 8 * few + 65536)
    }

    /// Whoever has gone is waited for by a thousand rounds: they end one after another, in slices, in their order.
    @Test func theEndOfADriverIsCut() throws {
        var crowd = try Crowd(waiting: 1000, "madvise 1 @ 1p dontneed", holds: false)
        #expect(crowd.answered == [])
        let course = crowd.take(.disconnected(Crowd.driver))
        let isInOrder = crowd.answered == (1...1000).map { "t\($0)" }
        #expect(isInOrder)
        #expect(course.slices >= 1000 * 256 / 65536)
        #expect(course.longest < 2 * 65536)
        let pending = crowd.engine.pendingCount
        #expect(pending == 0)
    }

    /// What a device lacks takes as long to find out as its access is long: that counts as work, and nobody who comes
    /// later finds it out again.
    @Test func waitingAccessesOfADeviceAreNoWorkForOthers() throws {
        var crowd = try Crowd(waiting: 0, "", holds: false)
        let lines = [
            "mirror 1 g 0x10000000 4096p ack=auto", "fault 2 0x10000000 4096p", "region.create g 16p",
            "migrate.begin 2 0x10fff000 1p device",
        ]
        for line in lines { _ = crowd.say(line, as: Crowd.driver) }
        let before = crowd.engine.spent
        for number in 1...8 { _ = crowd.say("#r\(number) dev.read 2 0x10000000 16m as=pages", as: Crowd.driver) }
        let parking = crowd.engine.spent - before
        var pending = crowd.engine.pendingCount
        #expect(pending == 9)
        #expect(parking >= 8 * 4096 / 8)
        _ = crowd.say("#u munmap 1 0x10fff000 1p", as: Crowd.process)
        pending = crowd.engine.pendingCount
        #expect(pending == 10)
        let others = crowd.engine.spent - before - parking
        #expect(others < 1000)
    }

    /// What comes while they are being woken has its turn after them.
    @Test func nobodyComesBetween() throws {
        var crowd = try Crowd(waiting: 2000, "mprotect 1 @ 1p r")
        crowd.begin(crowd.ack, as: Crowd.driver)
        let isCut = crowd.engine.isCut
        #expect(isCut)
        crowd.begin("#late munmap 1 0x10000000 2000p", as: Crowd.process)
        while crowd.engine.isCut { crowd.tick() }
        _ = crowd.endEverything()
        #expect(crowd.answered.last == "late")
        #expect(crowd.answered.count == 2001)
    }
}

/// A process with 4,096 written pages and a driver that mirrors them, whose acknowledgement the first request waits for
/// and the others behind it.
private struct Crowd: ~Copyable {
    struct Course {
        /// Inputs until all was done.
        var slices = 0
        /// Work of the longest of them, in units.
        var longest: UInt64 = 0
    }

    static let process = ConnectionID(rawValue: 1)
    static let driver = ConnectionID(rawValue: 2)

    var engine: Engine
    /// The tags of what has been answered to the process but for what was said before the crowd came, in order.
    private(set) var answered: [String] = []
    /// Work of all that came to wait.
    private(set) var parking: UInt64 = 0
    let ack = "ack 1"

    /// - Parameter holds: whether one request keeps all the others waiting; else each waits for the driver itself.
    init(waiting: Int, _ request: String, holds: Bool = true) throws {
        var limits = Limits()
        limits.window = waiting + 10
        engine = Engine(limits: limits)
        let tenant = ShortName("ci") ?? .none
        for connection in [Self.process, Self.driver] {
            _ = take(.connected(connection, Principal(tenant: tenant, authentication: .mutualTLS)))
        }
        for line in ["mm.create", "mmap 1 0x10000000 8192p", "write 1 0x10000000 pattern=41 len=8192p"] {
            _ = say(line, as: Self.process)
        }
        for line in ["dev.create g", "mirror 1 g"] { _ = say(line, as: Self.driver) }
        if holds {
            let first = request.contains("len=") ? "#fork mm.fork 1" : "#all mprotect 1 0x10000000 8192p r"
            _ = say(first, as: Self.process)
        }
        answered = []
        let before = engine.spent
        for number in stride(from: 1, through: waiting, by: 1) {
            let page = "0x" + String(0x1000_0000 + (number - 1) * 8192, radix: 16)
            let line = request.split(separator: "@", maxSplits: 1).joined(separator: page)
            _ = say("#t\(number) \(line)", as: Self.process)
        }
        parking = engine.spent - before
        let pending = engine.pendingCount
        try #require(pending == waiting + (holds ? 1 : 0))
    }

    /// The driver goes: whatever still waits for it goes on.
    mutating func endEverything() -> Course { take(.disconnected(Self.driver)) }

    mutating func say(_ line: String, as connection: ConnectionID) -> Course {
        begin(line, as: connection)
        return finish()
    }

    mutating func begin(_ line: String, as connection: ConnectionID) {
        var reader = RequestReader(limits: Limits())
        var offset = 0
        let item = Array((line + "\n").utf8).withUnsafeBytes { reader.next($0, &offset) }
        guard case .request(let tag, let request) = item else { return }
        hand(.request(connection, tag, request))
    }

    mutating func take(_ input: Input) -> Course {
        hand(input)
        return finish()
    }

    mutating func tick() { hand(.tick) }

    private var last = Course()

    private mutating func finish() -> Course {
        while engine.isCut { hand(.tick) }
        defer { last = Course() }
        return last
    }

    private mutating func hand(_ input: Input) {
        var effects = Effects()
        let before = engine.spent
        engine.handle(input, at: Instant(nanoseconds: 1), into: &effects)
        last.slices += 1
        last.longest = max(last.longest, engine.spent - before)
        let text = Array(effects.text.bytes)
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            guard segment.connection == Self.process else { continue }
            for line in String(decoding: text[segment.range], as: UTF8.self).split(separator: "\n") {
                guard let first = line.first, "+-".contains(first) else { continue }
                answered.append(String(line.dropFirst().prefix { $0 != " " }))
            }
        }
        answered.removeAll { ["all", "fork"].contains($0) }
    }
}
