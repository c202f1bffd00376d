import ArgumentParser
import Foundation
import HMMEngine
import HMMProtocol
import HMMRecording

/// `hmmd replay`: a recorded tenant again, without a server.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Carry out a recording again and compare what comes of it.",
        discussion: """
            Prints what was said to each connection, a line of theirs a line. Ends with status 0 if all of it came out \
            as it was recorded, byte for byte; with 1 at the first divergence, or where the file is damaged; with 2 if \
            the file is no recording of this version, or cannot be used; with 3 if standard output cannot be written. \
            A last record that is not whole, as a crash leaves it, is left out.
            """)

    @Argument(help: "The recording.")
    var file: String

    @Option(help: ArgumentHelp("What to print: all (the default), none, or a connection's number.", valueName: "what"))
    var output = Output.all

    @Flag(help: "Print what happened, an input a line, instead of what was said.")
    var list = false

    @Flag(help: "Cut off a last record that is not whole, and keep what it was in FILE.torn.")
    var repair = false

    @Option(help: ArgumentHelp("Memory that the tenant may have had.", valueName: "size"))
    var memory = RecordedMemory()

    enum Output: Equatable, ExpressibleByArgument {
        case all, none
        case connection(UInt32)

        init?(argument: String) {
            switch argument {
            case "all": self = .all
            case "none": self = .none
            default:
                guard let number = UInt32(argument) else { return nil }
                self = .connection(number)
            }
        }
    }

    func run() throws {
        let stream = StandardStream()
        let recorded = try RecordedFile(file, toMend: repair)
        let printer = ReplayPrinter(output: output, isListing: list, stream)
        let outcome = try recorded.bytes.withUnsafeBytes { try replay($0, recorded, printer) }
        try stream.flush()
        if repair, outcome.tornBytes > 0 { try recorded.cutOff(at: recorded.bytes.count - outcome.tornBytes) }
        guard outcome.status == 0 else { throw ExitCode(outcome.status) }
    }

    private func replay(
        _ bytes: UnsafeRawBufferPointer, _ recorded: RecordedFile, _ printer: ReplayPrinter
    ) throws -> (status: Int32, tornBytes: Int) {
        var reader = try recorded.reader(bytes, memory: memory)
        try printer.begin(reader.header)
        var replay = Replay(reader.header)
        var last: Record?
        do {
            while let record = try reader.next(bytes) {
                try replay.play(record)
                try printer.show(record, replay.effects)
                last = record
            }
        } catch let divergence as Replay.Divergence {
            try printer.show(divergence)
            return (1, 0)
        } catch let error as RecordingError {
            try printer.complain("\(error): \(bytes.count - reader.offset) bytes not replayed")
            try printer.finish(replay.inputs, replay.outputBytes, last)
            return (1, 0)
        }
        let torn = bytes.count - reader.offset
        if torn > 0 { try printer.complain("torn tail: \(torn) bytes dropped") }
        try printer.finish(replay.inputs, replay.outputBytes, last)
        return (0, torn)
    }
}
