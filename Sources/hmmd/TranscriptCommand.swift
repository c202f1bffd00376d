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
            status 1 if the recording diverges or is damaged; the transcript then goes as far as that.
            """)

    @Argument(help: "The recording.")
    var file: String

    func run() throws {
        let bytes = try ReplayCommand.contents(of: file)
        do {
            try bytes.withUnsafeBytes { try Self.print($0) }
        } catch let divergence as Replay.Divergence {
            Self.complain("divergence at input \(divergence.input): see `hmmd replay`")
            throw ExitCode(1)
        } catch let error as RecordingError {
            Self.complain("\(error)")
            throw ExitCode(1)
        }
    }

    private static func print(_ bytes: UnsafeRawBufferPointer) throws {
        var reader = try RecordingReader(bytes)
        var replay = Replay(reader.header)
        var conversion = TranscriptConversion(reader.header)
        defer { FileHandle.standardOutput.write(Data(conversion.text.bytes)) }
        while let record = try reader.next(bytes), conversion.goesOn {
            try replay.play(record)
            conversion.convert(record, after: replay)
        }
        if conversion.differences > 0 {
            complain("\(conversion.differences) inputs come out differently in a transcript: time, limits or roles")
        }
    }

    private static func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
