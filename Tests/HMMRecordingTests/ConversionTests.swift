import HMMEngine
import HMMProtocol
import Testing

@testable import HMMRecording

/// Transcripts of recorded conversations that have something to do with recording.
@Suite struct ConversionTests {
    private func convert(_ recording: [UInt8]) throws -> (text: String, differences: Int) {
        try recording.withUnsafeBytes { bytes in
            var reader = try RecordingReader(bytes)
            var replay = Replay(reader.header)
            var conversion = TranscriptConversion(reader.header)
            var text: [UInt8] = []
            while let record = try reader.next(bytes) {
                try replay.play(record)
                conversion.convert(record, after: replay)
                text += conversion.takeText()
            }
            #expect(conversion.text.bytes.isEmpty)
            return (String(decoding: text, as: UTF8.self), conversion.differences)
        }
    }

    /// What is asked of the recording, and what is said about it, is left out, in whatever order it is answered.
    @Test func theRecordingIsNotMentioned() throws {
        var tenant = RecordedTenant()
        tenant.handle(.recording(.kept(.onRequest)))
        tenant.connect(1)
        tenant.connect(2)
        tenant.send("capabilities quota\nrecord stop\nmm.create\nrecord start\n#a record start\nping\n", on: 1)
        tenant.send("#a record stop\n#b ping\nmm.create\nack 7\nrecord\n", on: 2)
        tenant.handle(.recording(.refused(.tooMany)))
        tenant.send("record start\n#p ping\nmm.create\n", on: 1)
        tenant.send("ping\n", on: 2)
        tenant.handle(.recording(.began(file: "a.hmmrec", .onRequest)))
        tenant.send("quota\n#q quota\nlimits\nrecord stop\n", on: 2)
        tenant.handle(.recording(.ended(.full)))
        tenant.send("record start\nping\nquit\n", on: 1)
        tenant.end(.closed)
        let (text, differences) = try convert(tenant.recording())
        #expect(differences == 0, "\(text)")
        #expect(!text.contains("record ") && !text.contains("hmmrec") && !text.contains("policy of its own"))
        #expect(text.contains("\nC2< =q name=recording-bytes *\n"))
        #expect(text.contains("\nC2< - NOEVENT"))
    }

    /// Known by its refusal only, it cannot be sent again.
    @Test func whatWasNotRecordedIsARemark() throws {
        var tenant = RecordedTenant()
        tenant.connect(1)
        tenant.handle(.refused(ConnectionID(rawValue: 1), .none, Failure(.syntax, "no"), closes: false))
        tenant.send("ping\n", on: 1)
        tenant.end(.closed)
        let (text, differences) = try convert(tenant.recording())
        #expect(differences == 0)
        #expect(text.contains("; C1 sent something that was not recorded, and was told SYNTAX.\nC1> ping\nC1< +\n"))
    }

    /// Another course is told still.
    @Test func otherLimitsMakeADifference() throws {
        var limits = Limits()
        limits.spaces = 1
        var tenant = RecordedTenant(limits: limits)
        tenant.connect(1)
        tenant.send("mm.create\n", on: 1)
        tenant.send("mm.create\n", on: 1)
        tenant.end(.closed)
        #expect(try convert(tenant.recording()).differences == 1)
    }
}
