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
        for (position, field) in RecordedLimits.fields.enumerated() {
            switch field.field {
            case .int(let path): limits[keyPath: path] = 1000 + position
            case .long(let path): limits[keyPath: path] = 1000 + UInt64(position)
            }
        }
        // A bound that is shown by `limits` and not in the table would still have its default here.
        let shown = limits.rows.filter { "\($0.name)" != "tag" }
        #expect(shown.allSatisfy { (1000..<1000 + UInt64(RecordedLimits.fields.count)).contains($0.value) })
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
            .disconnected(id),
            .drain,
        ]
        for input in inputs { tenant.handle(input) }
        #expect(read(tenant.recording()).records.map(\.event) == inputs.map { .input($0) })
    }

    @Test func headersOfOthersAreRefused() {
        func error(_ bytes: [UInt8]) -> RecordingError? { read(bytes).error }
        #expect(error(Array("GET / HTTP/1.1\r\n".utf8)) == .notARecording)
        #expect(error([]) == .damaged(at: 0))
        #expect(
            error(Array("HMMREC1\n".utf8) + [0xff, 0xff, 0xff, 0xff] + [UInt8](repeating: 0, count: 8))
                == .damaged(at: 8))
        var buffer = WireBuffer()
        let text = Array("protocol 2\n".utf8)
        text.withUnsafeBytes {
            RecordingHeader.magic.withUnsafeBytes { buffer.append($0) }
            buffer.put(UInt32($0.count))
            buffer.put(XXHash64.hash($0))
            buffer.append($0)
        }
        guard case .unreadable(let reason)? = error(Array(buffer.bytes)) else { return #expect(Bool(false)) }
        #expect(reason.contains("protocol 2"))
    }
}
