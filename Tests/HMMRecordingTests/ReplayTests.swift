import HMMEngine
import HMMProtocol
import Testing

@testable import HMMRecording

@Suite struct ReplayTests {
    @Test(arguments: [false, true]) func saysTheSameAgain(holdsOutput: Bool) throws {
        let (records, _, _) = read(RecordedTenant.day(holdsOutput: holdsOutput))
        var replay = Replay(RecordedTenant.header(holdsOutput: holdsOutput))
        for record in records {
            try replay.play(record)
            if let output = record.output { #expect(replay.effects.pieces == output) }
        }
        // Ten requests, and seven inputs beside.
        #expect(replay.inputs == 17 && replay.outputBytes == records.map(\.outputLength).reduce(0, +))
    }

    @Test func stopsAtTheFirstDivergence() throws {
        let (records, _, _) = read(RecordedTenant.day(holdsOutput: true))
        var replay = Replay(RecordedTenant.header())
        for record in records.prefix(4) { try replay.play(record) }
        // Somebody else's request in the place of the one that was made.
        var other = records[4]
        other.event = .requests(ConnectionID(rawValue: 1), Array("ping\n".utf8))
        do {
            try replay.play(other)
            #expect(Bool(false))
        } catch let divergence as Replay.Divergence {
            #expect(divergence.input == 10 && divergence.record == other)
            #expect(divergence.output == [.init(connection: ConnectionID(rawValue: 1), bytes: Array("+\n".utf8))])
        }
    }

    /// Not only the bytes count, also whom they are for and what the transport is told.
    @Test func signalsAndAddresseesAreCompared() throws {
        var tenant = RecordedTenant()
        tenant.connect(1)
        tenant.send("quit\n", on: 1)
        let (records, _, _) = read(tenant.recording())
        for text in ["quit\n", "#1 quit\n"] {
            var replay = Replay(RecordedTenant.header())
            try replay.play(records[0])
            var record = records[1]
            record.event = .requests(ConnectionID(rawValue: 1), Array(text.utf8))
            record.outputLength = text == "quit\n" ? record.outputLength : record.outputLength + 1
            if text == "quit\n" {
                try replay.play(record)
            } else {
                #expect(throws: Replay.Divergence.self) { try replay.play(record) }
            }
        }
        #expect(Effects.Signal.close(ConnectionID(rawValue: 1), .quit) != .close(ConnectionID(rawValue: 1), .framing))
    }
}
