import HMMEngine
import HMMProtocol
import Testing

@testable import HMMRecording

@Suite struct FormatTests {
    @Test(arguments: [false, true]) func aRecordingReadsBack(holdsOutput: Bool) throws {
        let (records, whole, error) = read(RecordedTenant.day(holdsOutput: holdsOutput))
        #expect(error == nil && whole == RecordedTenant.day(holdsOutput: holdsOutput).count)
        #expect(records.map(\.number) == Array(1...UInt64(records.count)))
        #expect(records.last?.event == .end(.closed))
        #expect(records.dropLast().allSatisfy { ($0.output != nil) == holdsOutput })
        let literal = records[2]
        guard case .requests(let id, let bytes) = literal.event else { return #expect(Bool(false)) }
        #expect(id.rawValue == 1)
        #expect(bytes.starts(with: "mm.create\nmmap 1 0x10000 4p\nwrite 1 0x10000 {5}\nhello\n".utf8))
        #expect(literal.time.nanoseconds == 5_001_500_000)
        guard case .input(.refused(_, let tag, let failure, let closes)) = records[6].event else {
            return #expect(Bool(false))
        }
        #expect(tag.description == "t" && !closes)
        #expect(failure == Failure(.busy, "later", address: 7, retryAfterMilliseconds: 9))
    }

    @Test func storedOutputIsTheOutput() {
        var tenant = RecordedTenant(holdsOutput: true)
        tenant.connect(1)
        tenant.send("ping\n#7 ping\n", on: 1)
        let (records, _, _) = read(tenant.recording())
        #expect(records[1].output == [.init(connection: ConnectionID(rawValue: 1), bytes: Array("+\n+7\n".utf8))])
        #expect(records[1].outputLength == 5)
    }

    @Test func theHeaderHoldsEveryLimitAndRestriction() throws {
        var limits = Limits()
        for field in RecordedLimits.fields {
            switch field.field {
            case .int(let path): limits[keyPath: path] -= 1
            case .long(let path): limits[keyPath: path] -= 1
            }
        }
        // A bound that is shown by `limits` and not in the table would still have its default here.
        let shown = limits.rows.filter { "\($0.name)" != "tag" }
        let standard = Limits().rows.filter { "\($0.name)" != "tag" }
        #expect(shown.map(\.value) == standard.map { $0.value - 1 })
        #expect(Set(shown.map { "\($0.name)" }) == Set(RecordedLimits.fields.map(\.name)))
        var header = RecordedTenant.header(holdsOutput: true, limits: limits)
        header.policy = Self.policy
        var buffer = WireBuffer()
        header.encode(into: &buffer)
        #expect(try RecordingReader(buffer.bytes).header == header)
    }

    private static var policy: TenantPolicy {
        var policy = TenantPolicy()
        policy.restrictions.features = [.devicePublic]
        policy.restrictions.enforcesLicence = true
        for (position, resource) in QuotaResource.allCases.enumerated() {
            policy.quota[resource].soft = position % 2 == 0 ? UInt64(position) : nil
            policy.quota[resource].hard = position % 3 == 0 ? nil : UInt64(1000 + position)
        }
        return policy
    }

    @Test func everyInputReadsBack() {
        var tenant = RecordedTenant()
        let id = ConnectionID(rawValue: 1)
        let name = ShortName("ci") ?? .none
        let inputs: [Input] = [
            .policy(Self.policy), .policy(TenantPolicy()),
            .connected(id, Principal(tenant: name, authentication: .token, role: .observer)), .drained(id), .tick,
            .inspect, .unsent(0), .unsent(.max), .refused(id, .none, Failure(.syntax, "no", errno: .EIO), closes: true),
            .disconnected(id), .drain, .recording(.kept(.onRequest)), .recording(.kept(.always)),
            .recording(.refused(.tooMany)), .recording(.began(file: "a", .always)), .recording(.ended(.disk)),
        ]
        for input in inputs { tenant.handle(input) }
        #expect(read(tenant.recording()).records.map(\.event) == inputs.map { .input($0) })
    }

    private static func file(_ header: String) -> [UInt8] {
        var buffer = WireBuffer()
        Array(header.utf8).withUnsafeBytes {
            RecordingHeader.magic.withUnsafeBytes { buffer.append($0) }
            buffer.put(UInt32($0.count))
            buffer.put(XXHash64.hash($0))
            buffer.append($0)
        }
        return Array(buffer.bytes)
    }

    /// All that a header has to say it says once.
    @Test func headersThatSayTooLittleOrTooMuchAreRefused() {
        func isRefused(_ header: String) -> Bool {
            if case .unreadable? = read(Self.file(header)).error { true } else { false }
        }
        var header = RecordedTenant.header()
        header.policy = Self.policy
        let text = header.text
        #expect(!isRefused(text))
        let lines = text.split(separator: "\n").map { $0 + "\n" }
        for (position, line) in lines.enumerated() {
            let isFact = position < 6 + RecordedLimits.fields.count
            let others = lines[..<position] + lines[(position + 1)...]
            // What the policy does not say it does not restrict.
            #expect(isRefused(others.joined()) == isFact, "without \(line)")
            #expect(isRefused(text + line), "twice \(line)")
            for other in ["\(line.dropLast()) more\n", " \(line)", line.replacing(" ", with: "  "), "\(line)\n"]
            where other != line {
                #expect(isRefused((lines[..<position] + [other] + lines[(position + 1)...]).joined()), "\(other)")
            }
        }
        #expect(isRefused(String(text.dropLast())))
        #expect(isRefused(text.replacing("engine ", with: "engine \u{1b}[31m")))
        #expect(isRefused(text.replacing("engine ", with: "engine é")))
        #expect(isRefused(text.replacing("start ", with: "start +")))
    }

    /// Nobody's recording asks for more than a server would give.
    @Test func limitsOverThoseBuiltInAreRefused() throws {
        for field in RecordedLimits.fields {
            var limits = Limits()
            switch field.field {
            case .int(let path): limits[keyPath: path] += 1
            case .long(let path): limits[keyPath: path] += 1
            }
            let error = read(Self.file(RecordedTenant.header(limits: limits).text)).error
            // Whoever runs a server chooses its tenants' memory; whoever replays, how much of it.
            #expect((error == nil) == (field.name == "resident-bytes"), "\(field.name)")
        }
    }

    @Test func headersOfOthersAreRefused() {
        func error(_ bytes: [UInt8]) -> RecordingError? { read(bytes).error }
        #expect(error(Array("GET / HTTP/1.1\r\n".utf8)) == .notARecording)
        #expect(error([]) == .damaged(at: 0))
        #expect(
            error(Array("HMMREC1\n".utf8) + [0xff, 0xff, 0xff, 0xff] + [UInt8](repeating: 0, count: 8))
                == .damaged(at: 8))
        guard case .unreadable(let reason)? = error(Self.file("protocol 2\n")) else { return #expect(Bool(false)) }
        #expect(reason.contains("protocol 2"))
    }
}
