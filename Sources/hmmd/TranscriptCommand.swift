import ArgumentParser
import Foundation
import HMMRecording

/// `hmmd transcript`: a recording as a conversation to read, to cut down and to play.
struct TranscriptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcript",
        abstract: "Print a recording as a transcript.",
        discussion: """
            The transcript plays with `hmm-client play` against any server without settings of its own. Ends with \
            status 1 if the recording diverges or is damaged; the transcript then goes as far as that. Status 2: no \
            recording, or none that can be read here.
            """)

    @Argument(help: "The recording.")
    var file: String

    @Option(help: ArgumentHelp("Memory that the tenant may have had.", valueName: "size"))
    var memory = RecordedMemory()

    func run() throws {
        let stream = StandardStream()
        let recorded = try RecordedFile(file)
        do {
            try recorded.bytes.withUnsafeBytes { try convert($0, recorded, stream) }
        } catch let divergence as Replay.Divergence {
            StandardStream.complain("divergence at input \(divergence.input): see `hmmd replay`")
            throw ExitCode(1)
        } catch let error as RecordingError {
            StandardStream.complain("\(error)")
            throw ExitCode(1)
        }
    }

    private func convert(
        _ bytes: UnsafeRawBufferPointer, _ recorded: RecordedFile, _ stream: StandardStream
    ) throws {
        var reader = try recorded.reader(bytes, memory: memory)
        var replay = Replay(reader.header)
        var conversion = TranscriptConversion(reader.header)
        do {
            while let record = try reader.next(bytes) {
                try replay.play(record)
                conversion.convert(record, after: replay)
                try stream.put(conversion.takeText())
            }
        } catch let error where !(error is ExitCode) {
            // As far as it goes.
            try stream.flush()
            throw error
        }
        try stream.flush()
        let torn = bytes.count - reader.offset
        if torn > 0 { StandardStream.complain("torn tail: \(torn) bytes dropped") }
        if conversion.differences > 0 {
            StandardStream.complain(
                "\(conversion.differences) inputs come out differently in a transcript: time, limits or roles")
        }
    }
}
