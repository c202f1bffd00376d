import CFuzzer
import Foundation

/// `TARGET=NAME hmm-fuzz [libFuzzer's arguments]` fuzzes; `hmm-fuzz --seeds FOLDER ROOT` writes seeds and dictionary.
///
/// The target is chosen by the environment and not by an argument, because libFuzzer starts itself again with its
/// arguments as they were.
@main
enum Main {
    static func main() throws {
        let arguments = CommandLine.arguments
        if arguments.count == 4, arguments[1] == "--seeds" {
            return try Seeds.write(to: arguments[2], from: arguments[3])
        }
        if arguments == [arguments[0], "--targets"] {
            return print(Target.allCases.map(\.rawValue).joined(separator: "\n"))
        }
        let name = ProcessInfo.processInfo.environment["TARGET"] ?? ""
        guard let target = Target(rawValue: name) else {
            FileHandle.standardError.write(
                Data("TARGET is one of: \(Target.allCases.map(\.rawValue).joined(separator: " "))\n".utf8))
            exit(64)
        }
        chosen = target
        var count = CommandLine.argc
        var values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        exit(
            LLVMFuzzerRunDriver(&count, &values) { data, size in
                chosen?.run(UnsafeRawBufferPointer(start: data, count: size))
                return 0
            })
    }
}

/// Set once, before the loop that reads it.
nonisolated(unsafe) private var chosen: Target?

/// Something that takes bytes from strangers. A new one is a file in `Targets/`, a case here, and seeds in `Seeds`.
enum Target: String, CaseIterable {
    case reader, verb, engine, tls, transcript, oracle, recording, configuration
    case serverLines = "server-lines"

    /// Takes one input. What must never be is a trap.
    func run(_ input: UnsafeRawBufferPointer) {
        switch self {
        case .reader: ReaderTarget.run(input)
        case .verb: VerbTarget.run(input)
        case .engine: EngineTarget.run(input)
        case .tls: TLSTarget.run(input)
        case .transcript: TranscriptTarget.run(input)
        case .oracle: OracleTarget.run(input)
        case .recording: RecordingTarget.run(input)
        case .configuration: ConfigurationTarget.run(input)
        case .serverLines: ServerLineTarget.run(input)
        }
    }
}

/// Ends the run with what is wrong: libFuzzer keeps the input.
func finding(_ text: @autoclosure () -> String) -> Never {
    FileHandle.standardError.write(Data("finding: \(text())\n".utf8))
    abort()
}
