import HMMEngine
import HMMProtocol
import Testing

@testable import HMMRecording

/// What is left of a recording after a crash, or on a bad disk.
@Suite struct DamageTests {
    /// Every prefix is read up to its last whole record.
    @Test func everyPrefixIsReadToItsLastWholeRecord() {
        let bytes = RecordedTenant.day()
        let all = read(bytes).records
        let header = all[0].offset
        for length in 0..<bytes.count {
            let (records, whole, error) = read(Array(bytes[..<length]))
            if length < header {
                #expect(error != nil && records.isEmpty)
                continue
            }
            let expected = all.enumerated().filter { position, _ in
                (position + 1 < all.count ? all[position + 1].offset : bytes.count) <= length
            }.map(\.element)
            #expect(error == nil && records == expected)
            #expect(whole == (expected.count < all.count ? all[expected.count].offset : bytes.count))
        }
    }

    /// Every bit is covered by a checksum: what is read before the damage is what was written, and no more.
    @Test(arguments: [false, true]) func everyFlippedBitIsNoticed(holdsOutput: Bool) {
        let bytes = RecordedTenant.day(holdsOutput: holdsOutput)
        let all = read(bytes).records
        let header = all[0].offset
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let (records, _, error) = read(damaged)
            if bit / 8 < header {
                #expect(error != nil && records.isEmpty, "bit \(bit)")
                continue
            }
            let touched = all.prefix { $0.offset <= bit / 8 }
            #expect(records == Array(touched.dropLast()), "bit \(bit)")
            #expect(error == .damaged(at: touched.last?.offset ?? 0), "bit \(bit)")
        }
    }

    @Test func recordsThatAreMissingOrDoubleAreNoticed() {
        let bytes = RecordedTenant.day()
        let all = read(bytes).records
        let missing = Array(bytes[..<all[2].offset] + bytes[all[3].offset...])
        #expect(read(missing).error == .damaged(at: all[2].offset))
        let double = Array(bytes[..<all[3].offset] + bytes[all[2].offset...])
        #expect(read(double).error == .damaged(at: all[3].offset))
    }

    /// A block that was lost may have held the beginning of one record and many whole ones.
    @Test func manyRecordsMayBeSwallowed() {
        let bytes = RecordedTenant.day()
        let all = read(bytes).records
        for first in 0..<all.count - 1 {
            for next in first + 1..<all.count {
                var damaged = bytes
                for index in all[first].offset..<all[next].offset { damaged[index] = 3 }
                #expect(read(damaged).error == .damaged(at: all[first].offset))
            }
        }
    }

    @Test func nothingFollowsTheEnd() {
        let bytes = RecordedTenant.day()
        for rest in [[0], [UInt8](repeating: 0, count: 100), bytes] as [[UInt8]] {
            let (records, whole, error) = read(bytes + rest)
            #expect(error == .damaged(at: bytes.count) && whole == bytes.count)
            #expect(records == read(bytes).records)
        }
    }

    /// Whoever made a file does not choose how long it is searched.
    @Test func theSearchHasAnEnd() {
        let bytes = RecordedTenant.day()
        let second = read(bytes).records[1]
        var damaged = bytes
        damaged[second.offset + 3] = 1
        damaged.withUnsafeBytes {
            #expect(TornTail.isDamage($0, at: second.offset, number: 2))
            #expect(!TornTail.isDamage($0, at: second.offset, number: 2, budget: 10))
        }
    }

    @Test func zerosAtTheEndAreATornTail() {
        let bytes = RecordedTenant.day()
        let last = read(bytes).records.last?.offset ?? 0
        let (records, whole, error) = read(Array(bytes[..<last]) + [UInt8](repeating: 0, count: 5000))
        #expect(error == nil && whole == last && records.count == read(bytes).records.count - 1)
    }

    /// A record may be whole and make no sense: written by somebody who knows the checksum.
    @Test func nonsenseWithAGoodChecksumIsRefused() {
        let header = read(RecordedTenant.day()).records[0].offset
        let start = Array(RecordedTenant.day()[..<header])
        var random: UInt64 = 42
        for round in 0..<20_000 {
            var body: [UInt8] = []
            for _ in 0..<(round % 40 + 1) {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                body.append(UInt8(truncatingIfNeeded: random >> 33))
            }
            if round % 2 == 0 { body[0] = UInt8(round / 2 % 10) | (round % 4 == 0 ? 0x80 : 0) }
            let (records, whole, _) = read(start + Self.frame(body, number: 1))
            #expect(records.count <= 1 && whole <= header + 8 + body.count)
        }
        // A count far beyond what is there.
        let greedy: [UInt8] = [1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]
        guard case .unreadable? = read(start + Self.frame(greedy, number: 1)).error else {
            return #expect(Bool(false))
        }
    }

    /// A crafted recording may ask an engine for what no server would: it is refused or diverges.
    @Test func craftedRecordsDoNotTrapAReplay() throws {
        let principal = Principal(tenant: .none, authentication: .none)
        let events: [Record.Event] = [
            .input(.connected(ConnectionID(rawValue: 0), principal)),
            .input(.connected(ConnectionID(rawValue: 1), principal)),
            .input(.connected(ConnectionID(rawValue: 1), principal)),
            .input(.disconnected(ConnectionID(rawValue: 9))), .input(.drained(ConnectionID(rawValue: 9))),
            .requests(ConnectionID(rawValue: 9), Array("ping\n".utf8)),
            .requests(ConnectionID(rawValue: 1), Array("ping".utf8)),
            .requests(ConnectionID(rawValue: 1), Array("write 1 0 {5}\nab".utf8)), .input(.tick), .input(.drain),
        ]
        var replay = Replay(RecordedTenant.header())
        for (position, event) in events.enumerated() {
            let record = Record(
                number: UInt64(position + 1), offset: 0, time: Instant(nanoseconds: 1), event: event, outputLength: 0,
                digest: 0)
            #expect(throws: (any Error).self) { try replay.play(record) }
        }
    }

    private static func frame(_ body: [UInt8], number: UInt64) -> [UInt8] {
        let checksum = UInt32(truncatingIfNeeded: body.withUnsafeBytes { XXHash64.hash($0, seed: number) })
        func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        return bytes(UInt32(body.count)) + bytes(checksum) + body
    }
}
