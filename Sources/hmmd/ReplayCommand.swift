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
            the file is no recording of this version. A last record that is not whole, as a crash leaves it, is left \
            out.
            """)

    @Argument(help: "The recording.")
    var file: String

    @Option(help: ArgumentHelp("What to print: all (the default), none, or a connection's number.", valueName: "what"))
    var output = Output.all

    @Flag(help: "Print what happened, an input a line, instead of what was said.")
    var list = false

    @Flag(help: "Cut off a last record that is not whole.")
    var repair = false

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
        let bytes = try ReplayCommand.contents(of: file)
        let printer = ReplayPrinter(output: output, isListing: list)
        let outcome = bytes.withUnsafeBytes { Self.replay($0, printer) }
        printer.flush()
        if repair, outcome.tornBytes > 0 {
            try FileHandle(forUpdating: URL(filePath: file)).truncate(atOffset: UInt64(bytes.count - outcome.tornBytes))
        }
        guard outcome.status == 0 else { throw ExitCode(outcome.status) }
    }

    /// The file in memory.
    ///
    /// - Throws: status 2, with the reason on standard error.
    static func contents(of file: String) throws -> Data {
        do {
            return try Data(contentsOf: URL(filePath: file), options: .mappedIfSafe)
        } catch {
            FileHandle.standardError.write(Data("\(file): \(error.localizedDescription)\n".utf8))
            throw ExitCode(2)
        }
    }

    private static func replay(
        _ bytes: UnsafeRawBufferPointer, _ printer: ReplayPrinter
    ) -> (status: Int32, tornBytes: Int) {
        do {
            var reader = try RecordingReader(bytes)
            printer.begin(reader.header)
            var replay = Replay(reader.header)
            var last: Record?
            do {
                while let record = try reader.next(bytes) {
                    try replay.play(record)
                    printer.show(record, replay.effects)
                    last = record
                }
            } catch let divergence as Replay.Divergence {
                printer.show(divergence)
                return (1, 0)
            } catch let error as RecordingError {
                printer.complain("\(error): \(bytes.count - reader.offset) bytes not replayed")
                printer.finish(replay.inputs, replay.outputBytes, last)
                return (1, 0)
            }
            let torn = bytes.count - reader.offset
            if torn > 0 { printer.complain("torn tail: \(torn) bytes dropped") }
            printer.finish(replay.inputs, replay.outputBytes, last)
            return (0, torn)
        } catch {
            printer.complain("\(error)")
            return (2, 0)
        }
    }
}
