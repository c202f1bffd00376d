import HMMEngine
import HMMHarness
import HMMProtocol
import HMMRecording
import HMMTranscript
import Testing

/// Every transcript, recorded while it plays: the recording says the same again, and makes a transcript that plays.
@Suite struct RecordingTests {
    /// The recordings of a transcript's tenants.
    private func recordings(_ file: String) throws -> [[UInt8]] {
        var peer = EnginePeer()
        peer.recorded = .inputs
        peer.checksState = false
        try peer.play(try TranscriptTests.transcript(file))
        return peer.tenants.values.map { tenant in
            var bytes = WireBuffer()
            tenant.recorder?.end(.closed)
            tenant.recorder?.take(into: &bytes)
            return Array(bytes.bytes)
        }
    }

    private func convert(_ recording: [UInt8]) throws -> (text: String, inputs: UInt64, differences: Int) {
        try recording.withUnsafeBytes { bytes in
            var reader = try RecordingReader(bytes)
            var replay = Replay(reader.header)
            var conversion = TranscriptConversion(reader.header)
            while let record = try reader.next(bytes) {
                try replay.play(record)
                conversion.convert(record, after: replay)
            }
            #expect(reader.offset == bytes.count)
            let text = String(decoding: conversion.text.bytes, as: UTF8.self)
            return (text, replay.inputs, conversion.differences)
        }
    }

    @Test(arguments: TranscriptTests.files) func replaysAndConverts(_ file: String) throws {
        for recording in try recordings(file) {
            let (text, inputs, differences) = try convert(recording)
            #expect(inputs > 1 && differences == 0)
            let transcript = try TranscriptParser.parse(text, file: "recorded \(file)")
            var peer = EnginePeer()
            peer.checksState = false
            try peer.play(transcript)
            // It says no less than the original.
            let requests = transcript.steps.count { step in
                switch step.action {
                case .send, .sendOctets: true
                default: false
                }
            }
            #expect(requests > 0)
        }
    }
}
