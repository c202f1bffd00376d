import ArgumentParser
import Foundation
import HMMClient
import HMMTranscript

/// Runs transcripts.
struct Play: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run transcripts against a server and compare.",
        discussion: """
            Each file is one conversation; its connections are opened on first use. Prints `ok FILE` or the first \
            difference, and at last `N passed, N failed`; the exit status is 1 when one failed.

            A transcript that names `tenant=other` needs a second certificate: $HMMD_CERT_2 and $HMMD_KEY_2; or a \
            second token: $HMMD_TOKEN_2.
            """)

    @Argument(help: "Transcripts, `.hmm` files.", completion: .file(extensions: ["hmm"]))
    var files: [String]

    @Option(help: ArgumentHelp("The server. [$HMMD_URI, or hmms://localhost:7423]", valueName: "uri"))
    var uri: String?

    @OptionGroup var server: ServerFlags

    @Flag(help: "Print differences and the last line only.")
    var quiet = false

    @Flag(help: "Draw the conversation as it happens.")
    var show = false

    @Option(help: ArgumentHelp("How long an expected line may take.", valueName: "seconds"))
    var timeout: Int64 = 10

    func validate() throws {
        if quiet, show { throw ValidationError("--quiet and --show contradict each other") }
    }

    func run() async throws {
        var player: TranscriptPlayer
        do throws(ClientError) {
            let options = try server.options(uri: uri)
            let other = try server.options(uri: uri, tenant: 2)
            player = try TranscriptPlayer(options, other: other.isNobody ? nil : other)
        } catch {
            throw Exit.report(error)
        }
        player.patienceMilliseconds = max(1, timeout) * 1000
        var failed = 0
        for file in files {
            if await !play(file, player) { failed += 1 }
        }
        print("\(files.count - failed) passed, \(failed) failed")
        if failed > 0 { throw Exit.refused }
    }

    /// Returns whether it went as written.
    private func play(_ file: String, _ player: TranscriptPlayer) async -> Bool {
        let colours = Terminal.hasColours
        do throws(TranscriptFailure) {
            let transcript = try TranscriptParser.parse(read(file), file: file)
            var printer = TranscriptPrinter(
                names: transcript.connectionNames, width: min(120, Terminal.width), colours: colours)
            let show = show
            defer { if show { Self.write(printer.finish() + [""]) } }
            try await player.play(transcript) { moment in
                if show { Self.write(printer.show(moment)) }
            }
        } catch {
            Self.write([colours ? Palette.bad("\(error)") : "\(error)"])
            return false
        }
        if !quiet { Self.write([(colours ? Palette.good("ok") : "ok") + " \(file)"]) }
        return true
    }

    private func read(_ file: String) throws(TranscriptFailure) -> String {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw TranscriptFailure(file: file, line: 0, reason: "cannot be read")
        }
        return String(decoding: data, as: UTF8.self)
    }

    private static func write(_ lines: [String]) {
        Terminal.write(lines.map { $0 + "\n" }.joined())
    }
}
