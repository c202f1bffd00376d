import ArgumentParser
import HMMClient

/// The default command: netcat for hmmd.
struct Session: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send lines to a server and print what it says. (default)",
        discussion: """
            Piped, it is quiet: requests of the script go out, lines of the server come out as they are, without \
            the greeting. No sleeps are needed: an untagged request is sent when the one before has been answered, \
            and after the end of the script all answers are awaited before `quit` is sent. Tagged requests do not \
            wait, and `ack` never does. The octets of a literal `{n}` follow their line.

            A refusal (a line that begins with `-`) stops the script with exit status 1; with --keep-going the \
            rest is sent all the same, without waiting for answers, and the status is still 1.

            On a terminal there is a prompt with line editing, history and completion by Tab.
            """)

    @Argument(
        help: ArgumentHelp(
            "hmms://host:port, hmm://localhost:port or hmm+unix:///path. [$HMMD_URI, or hmms://localhost:7423]",
            valueName: "uri"))
    var uri: String?

    @OptionGroup var server: ServerFlags

    @Option(
        name: [.customShort("c"), .customLong("command")],
        help: ArgumentHelp(
            "A line to send instead of standard input; may be repeated.", valueName: "line"))
    var commands: [String] = []

    @Flag(help: "Go on after a refusal.")
    var keepGoing = false

    @Flag(help: "Acknowledge every `inval` event at once, with a note on standard error.")
    var ack = false

    func run() async throws {
        let status: ExitCode
        do throws(ClientError) {
            let lines = try await LineConnection.connect(server.options(uri: uri))
            if commands.isEmpty, Terminal.isInteractive {
                status = try await Dialogue(lines, acknowledges: ack).run()
            } else {
                let script = commands.isEmpty ? nil : commands
                status = try await ScriptSession(lines, keepsGoing: keepGoing, acknowledges: ack).run(script)
            }
        } catch {
            throw Exit.report(error)
        }
        if status != .success { throw status }
    }
}
